import pino from "pino";
import pretty from "pino-pretty";
import type { createIngest } from "../../ingest/index.ts";
import { ingestTraces } from "../../ingest/traces.ts";
import { linksOver } from "../../peer/index.ts";
import type { Config } from "../../server/config.ts";
import { createServer, listen, logTo, withConsole } from "../../server/index.ts";
import { createUsers, type Users } from "../../users/index.ts";
import { systemClock } from "../../util/clock.ts";
import { command } from "../command.ts";
import { loadConfig } from "../config.ts";
import { isPostgres, openData } from "../data.ts";
import { Failure, misuse } from "../failure.ts";
import type { Output } from "../output.ts";
import { parseWhole } from "../values.ts";
import { Warehouses } from "../warehouses.ts";

export default command({
  name: "serve",
  description: "Serves the spaces of a data folder, or of a database of PostgreSQL",
  lasts: true,
  args: {
    config: { type: "positional", required: false, description: "the configuration; tidemark.config.ts by default" },
    port: { type: "string", description: "0 picks a free one", valueHint: "N", default: "4848" },
    host: { type: "string", description: "the address to listen on", valueHint: "H", default: "127.0.0.1" },
    data: {
      type: "string",
      description: "the data folder, or postgres://… (or TIDEMARK_DATA); ./data by default",
      valueHint: "DIR|URL",
    },
    users: { type: "boolean", description: "accounts with passwords and roles (or `users` in the configuration)" },
    wake: {
      type: "string",
      description: "how servers on one database wake each other: notify, nats://… or none (or TIDEMARK_WAKE)",
      valueHint: "HOW",
    },
  },
  async run({ args, env, out, stop }) {
    const port = parseWhole(args.port, "--port", 0, 65_535);
    const data = args.data ?? env.TIDEMARK_DATA ?? "data";
    const { config, path } = await loadConfig(args.config, env);
    const { auth } = config;
    const users = args.users === true || (config.users ?? false) !== false ? accountsOf(config) : undefined;
    if (users !== undefined && auth?.open === true)
      throw misuse("`auth: { open: true }` in the configuration and accounts exclude each other: take one away.");
    const open =
      users === undefined &&
      auth?.jwtSecret === undefined &&
      auth?.jwks === undefined &&
      auth?.authenticate === undefined;
    if (open && !isLoopback(args.host)) throw closedByDefault(args.host);
    const log = logger();
    if (path === null) log.info("there is no tidemark.config.ts here: any collection is taken, in no scope but *");
    if (open) log.info("no authentication is configured: only this machine is answered");
    const store = await openData(data, false, { wake: args.wake ?? env.TIDEMARK_WAKE, log: logTo(log) });
    const links = linksOver({ tokenOf: (link) => env[`TIDEMARK_LINK_${link.toUpperCase()}`] });
    const secrets = { secretKey: env.TIDEMARK_SECRET_KEY };
    const incoming = await incomingOf({ store, config, folder: isPostgres(data) ? null : data, log: logTo(log) });
    const traces = [ingestTraces(isPostgres(data) ? null : data, config)];
    const warehouses = new Warehouses({ config, log: logTo(log), clock: systemClock, stop });
    const routes = [...(incoming?.routes ?? []), ...warehouses.routes];
    const server = createServer({ store, config, log: logTo(log), identity: users, links, secrets, routes, traces });
    if (incoming !== null) {
      await server.ready;
      incoming.start();
    }
    const listening = await listen(withConsole(server), { host: args.host, port }).catch(async (error: unknown) => {
      await incoming?.close();
      await server.close();
      throw explained(error);
    });
    out.print(`listening on ${listening.url}`);
    if (users !== undefined) await tellSetup(users, listening.url, out);
    const syncing = warehouses.run(listening.url);
    await aborted(stop);
    await syncing;
    log.info("ending: requests under way are answered first");
    await incoming?.close();
    await listening.close();
  },
});

/** What the configuration says comes in. Its code is loaded only where there is some. */
async function incomingOf(parts: Parameters<typeof createIngest>[0]) {
  if (parts.config.ingest === undefined) return null;
  const { createIngest } = await import("../../ingest/index.ts");
  return createIngest(parts);
}

function accountsOf({ users }: Config): Users {
  return createUsers({ lifetimes: typeof users === "object" ? users : undefined });
}

/** The code goes past the log, which others may read. */
async function tellSetup(users: Users, url: string, out: Output): Promise<void> {
  const code = await users.setupCode();
  if (code === null) return;
  out.note("There is no administrator yet. Within an hour, this makes the first one, whose password it asks for:");
  out.note(`  tidemark users setup ${url} NAME --code ${code}`);
}

function logger() {
  if (process.stderr.isTTY === true) {
    return pino(
      pretty({ destination: 2, sync: true, colorize: process.env.NO_COLOR === undefined, ignore: "pid,hostname" }),
    );
  }
  return pino({ base: null }, pino.destination({ dest: 2, sync: true }));
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d+){3}$/.test(host);
}

function closedByDefault(host: string): Failure {
  return misuse(
    `No authentication is configured, so the server would let anyone who reaches ${host} read and write everything. ` +
      "Set TIDEMARK_JWT_SECRET (or `auth` in the configuration), or listen on 127.0.0.1.",
  );
}

/** `listen` names the cause and the cure in its message, and keeps the system's error as the cause. */
function explained(error: unknown): unknown {
  if (!(error instanceof Error) || error.cause === undefined) return error;
  return new Failure(`${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`, 1, { cause: error.cause });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
