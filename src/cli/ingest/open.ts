import type { Incoming } from "../../ingest/index.ts";
import type { Config } from "../../server/index.ts";
import { askJson, type Space } from "../api.ts";
import type { Environment } from "../command.ts";
import { loadConfig } from "../config.ts";
import { isPostgres, openData, shownData } from "../data.ts";
import { Failure, misuse } from "../failure.ts";
import { remoteSpace } from "../where.ts";

export const INGEST_ARGS = {
  server: {
    type: "string",
    description: "the address of the server that has the data open; it runs what is asked for",
    valueHint: "URL",
  },
  token: { type: "string", description: "--server: a bearer token (or TIDEMARK_TOKEN)", valueHint: "T" },
  config: { type: "string", description: "the configuration; tidemark.config.ts by default", valueHint: "FILE" },
  data: {
    type: "string",
    description: "the data folder, or postgres://… (or TIDEMARK_DATA); ./data by default",
    valueHint: "DIR|URL",
  },
  space: {
    type: "string",
    description: "the space; by default that of the configuration, where it is one",
    valueHint: "S",
  },
  json: { type: "boolean", description: "standard output holds only JSON, for programs" },
} as const;

interface Args {
  readonly server?: string | undefined;
  readonly token?: string | undefined;
  readonly config?: string | undefined;
  readonly data?: string | undefined;
  readonly space?: string | undefined;
}

/** A space that answers what comes into it: a server's, or one that this process opened itself. */
export interface OpenIngest {
  readonly space: Space;
  /** Ends what is under way in this process; a server's runs go on. */
  close(): Promise<void>;
}

/** Opens the data, or speaks to a server; `readonly` also works beside a server that has the folder open. */
export async function openIngest(args: Args, env: Environment, readonly: boolean): Promise<OpenIngest> {
  if (args.server !== undefined) {
    if (args.data !== undefined || args.config !== undefined)
      throw misuse("--server excludes --data and --config: the server has its own.");
    const space = remoteSpace(args.server, { space: args.space ?? "main", token: args.token }, env);
    return { space, close: async () => {} };
  }
  const data = args.data ?? env.TIDEMARK_DATA ?? "data";
  const { config, path } = await loadConfig(args.config, env);
  const spaces = Object.keys(config.ingest ?? {});
  const [only] = spaces;
  if (only === undefined)
    throw misuse(`${path ?? "The configuration"} names no streams: see \`ingest\` in docs/ingest.md.`);
  if (args.space === undefined && spaces.length > 1) throw misuse(`Say which --space: ${spaces.join(", ")}.`);
  return await openHere(data, args.space ?? only, config, readonly, String(path));
}

/** The same answers as a server's, from this process. */
async function openHere(
  data: string,
  name: string,
  config: Config,
  readonly: boolean,
  path: string,
): Promise<OpenIngest> {
  const { createIngest } = await import("../../ingest/index.ts");
  const { createServer, NO_LINKS } = await import("../../server/index.ts");
  const store = await openData(data, readonly).catch((error: unknown) => {
    throw readonly ? error : orAskTheServer(error);
  });
  let incoming: Incoming;
  try {
    incoming = createIngest({ store, config, folder: isPostgres(data) ? null : data });
  } catch (error) {
    await store.close();
    throw new Failure(`${path} is wrong: ${(error as Error).message}.`, 2, { cause: error });
  }
  // Whoever can open the data may do everything with it. What only reads needs nothing else of the configuration.
  const own = { ...(readonly ? {} : config), users: false as const, auth: { open: true } };
  const server = createServer({ store, config: own, links: () => NO_LINKS, routes: incoming.routes });
  const space: Space = {
    place: shownData(data),
    name,
    url: "http://localhost",
    fetch: (request) => server.handler(request),
    token: undefined,
  };
  return {
    space,
    async close() {
      await incoming.close();
      await server.close();
    },
  };
}

function orAskTheServer(error: unknown): unknown {
  const { name, message } = error as Error;
  if (name !== "StoreError") return error;
  return new Failure(`${message} Where that is a server, ask it: --server http://HOST:PORT.`, 1, { cause: error });
}

/** The streams that a command is about: one by its name, those of a source, else all of the space. */
export async function streamsNamed<S extends { readonly stream: string }>(
  space: Space,
  name: string | undefined,
): Promise<readonly S[]> {
  const { streams } = await askJson<{ streams: readonly S[] }>(space, "/ingest/streams");
  if (name === undefined) return streams;
  const found = streams.filter(({ stream }) => stream === name || stream.startsWith(`${name}.`));
  if (found.length > 0) return found;
  const names = streams.map(({ stream }) => stream);
  throw misuse(
    `There is no stream ${name} in ${space.name}: ${names.length === 0 ? "it has none" : `there are ${names.join(", ")}`}.`,
  );
}

export function streamPath(stream: string): string {
  return `/ingest/streams/${encodeURIComponent(stream)}`;
}

export function timeOf(time: number | null): string {
  return time === null ? "never" : new Date(time).toISOString().slice(0, 19).replace("T", " ");
}
