import { existsSync } from "node:fs";
import { join } from "node:path";
import { spaceFlaw } from "../model/names.ts";
import type { Config } from "../server/index.ts";
import type { Space } from "./api.ts";
import type { Environment } from "./command.ts";
import { checkFolder, isPostgres, openData, shownData } from "./data.ts";
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
 * The space in WHERE: at a server's address, or in a data folder or a database, which this process then serves to itself.
 * - `write`: it is opened for writing, with the configuration that this gives.
 * - `accounts`: the spaces of the users are made where they are not there yet.
 */
export async function openWhere(
  where: string,
  args: SpaceArgs,
  env: Environment,
  write: (() => Promise<Config>) | null = null,
  accounts = false,
): Promise<Opened> {
  const name = checkedSpace(args.space);
  if (/^https?:\/\//i.test(where)) return { space: remoteSpace(where, args, env), close: async () => {} };
  if (!isPostgres(where)) {
    if (write === null && !existsSync(join(where, "tidemark.db"))) throw nowhere(where);
    if (write !== null && !existsSync(where) && looksLikeAddress(where)) throw nowhere(where);
    checkFolder(where);
  }
  const config = write === null ? {} : await write();
  return openHere(where, name, config, { readonly: write === null, accounts });
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
async function openHere(
  data: string,
  name: string,
  config: Config,
  { readonly, accounts }: { readonly: boolean; readonly accounts: boolean },
): Promise<Opened> {
  const { createServer, NO_LINKS } = await import("../server/index.ts");
  const { createUsers, SYSTEM } = await import("../users/index.ts");
  const { ingestTraces } = await import("../ingest/traces.ts");
  const { linkTraces } = await import("../peer/traces.ts");
  const store = await openData(data, readonly);
  const identity = accounts || (await store.spaces()).includes(SYSTEM) ? createUsers() : undefined;
  // Whoever can open the data may do everything with it.
  const own = { ...config, users: false as const, auth: { open: true } };
  // Links are run by who serves, not by a command that looks.
  const links = () => ({ ...NO_LINKS, traces: linkTraces });
  const traces = [ingestTraces(isPostgres(data) ? null : data, config)];
  const server = createServer({ store, config: own, identity, links, traces });
  const space: Space = {
    place: shownData(data),
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
  return misuse(`${where} is neither a server's address (http://… or postgres://…) nor a folder with a tidemark.db.`);
}
