import { type Config, settingsOf } from "../server/config.ts";
import { type Log, noLog } from "../server/log.ts";
import type { Route } from "../server/routes.ts";
import type { Store } from "../store/store.ts";
import { type Clock, systemClock } from "../util/clock.ts";
import { systemRandom } from "../util/random.ts";
import { toHex } from "../util/sha256.ts";
import type { IngestConfig } from "./declare.ts";
import { Ingest } from "./ingest.ts";
import { ingestRoutes } from "./routes/routes.ts";
import { Scheduler } from "./schedule.ts";

interface StartParts {
  readonly store: Store;
  readonly config: Config;
  /** The folder of the store; null: it has none. */
  readonly folder: string | null;
  readonly clock?: Clock;
  readonly log?: Log;
}

/** What a configuration says that comes in, ready to run. */
export function ingestOf({ store, config, folder, clock = systemClock }: StartParts): Ingest {
  const { collections, limits } = settingsOf(config);
  const rules = (space: string) => ({
    space,
    collections,
    authorize: () => true,
    limits,
    now: clock.now(),
    salt: () => toHex(systemRandom.bytes(16)),
  });
  // The server's configuration has checked its outline, and knows no more of it.
  return new Ingest({ store, folder, rules, clock }, (config.ingest ?? {}) as IngestConfig);
}

/** What comes into the spaces of a server. */
export interface Incoming {
  readonly ingest: Ingest;
  /** For the server's options: by them its administrators see and order what comes in (I60). */
  readonly routes: readonly Route[];
  /** Picks up what the configuration schedules, from now on: once the server is ready. */
  start(): void;
  /** Ends what is under way, those runs that came over the routes included. Before the server is closed. */
  close(): Promise<void>;
}

/**
 * What comes in, beside a server over the same store.
 *
 * @example
 * const incoming = createIngest({ store, config, folder: "data" });
 * const server = createServer({ store, config, routes: incoming.routes });
 * await server.ready;
 * incoming.start();
 */
export function createIngest(parts: StartParts): Incoming {
  const { clock = systemClock, log = noLog } = parts;
  const ingest = ingestOf(parts);
  const stop = new AbortController();
  let scheduler: Scheduler | null = null;
  return {
    ingest,
    routes: ingestRoutes(ingest, stop.signal),
    start: () => {
      scheduler ??= new Scheduler({ ingest, clock, log });
    },
    async close() {
      stop.abort();
      await scheduler?.close();
      await ingest.idle();
    },
  };
}
