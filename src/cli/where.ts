import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { spaceFlaw } from "../model/names.ts";
import type { Config } from "../server/index.ts";
import type { Space } from "./api.ts";
import type { Environment } from "./command.ts";
import { misuse } from "./failure.ts";

export interface Opened {
  readonly space: Space;
  close(): Promise<void>;
}

interface SpaceArgs {
  readonly space: string;
  readonly token?: string | undefined;
}

/**
 * The space in WHERE: at a server's address, or in a data folder, which this process then serves to itself.
 * - `write`: a folder is opened for writing, with the configuration that this gives.
 */
export async function openWhere(
  where: string,
  args: SpaceArgs,
  env: Environment,
  write: (() => Promise<Config>) | null = null,
): Promise<Opened> {
  const name = checkedSpace(args.space);
  if (/^https?:\/\//i.test(where)) return { space: remoteSpace(where, args, env), close: async () => {} };
  if (write === null && !existsSync(join(where, "tidemark.db"))) throw nowhere(where);
  if (write !== null && !existsSync(where) && looksLikeAddress(where)) throw nowhere(where);
  checkFolder(where);
  const config = write === null ? {} : await write();
  return openFolder(where, name, config, write === null);
}

/** The space at a server's address. */
export function remoteSpace(address: string, args: SpaceArgs, env: Environment): Space {
  const name = checkedSpace(args.space);
  if (!/^https?:\/\//i.test(address) || !URL.canParse(address)) {
    throw misuse(`${JSON.stringify(address)} is not a server's address, such as http://127.0.0.1:4848.`);
  }
  const url = address.replace(/\/+$/, "");
  return { place: address, name, url, fetch: (request) => fetch(request), token: args.token ?? env.TIDEMARK_TOKEN };
}

/** The server's code is loaded only here, since most commands ask one that runs elsewhere. */
async function openFolder(folder: string, name: string, config: Config, readonly: boolean): Promise<Opened> {
  const { createServer } = await import("../server/index.ts");
  const { openSqliteStore } = await import("../store/sqlite/index.ts");
  const store = openSqliteStore({ path: folder, readonly });
  // Whoever can open the folder may do everything with it.
  const server = createServer({ store, config: { ...config, auth: { open: true } } });
  const space: Space = {
    place: folder,
    name,
    url: "http://localhost",
    fetch: (request) => server.handler(request),
    token: undefined,
  };
  return {
    space,
    close: () => server.close(),
  };
}

/** Refuses a file where a data folder is expected. */
export function checkFolder(folder: string): void {
  if (existsSync(folder) && !statSync(folder).isDirectory()) {
    throw misuse(`${folder} is a file, and a data folder was expected.`);
  }
}

function checkedSpace(name: string): string {
  const flaw = spaceFlaw(name);
  if (flaw !== null) throw misuse(`--space ${JSON.stringify(name)}: ${flaw}.`);
  return name;
}

function looksLikeAddress(where: string): boolean {
  return /^[\w.-]+:\d+$/.test(where) || where.includes("://");
}

function nowhere(where: string) {
  if (looksLikeAddress(where)) return misuse(`${where} is not a server's address, such as http://127.0.0.1:4848.`);
  return misuse(`${where} is neither a server's address (http://…) nor a folder with a tidemark.db.`);
}
