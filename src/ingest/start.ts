import { type Config, settingsOf } from "../server/config.ts";
import { type Log, noLog } from "../server/log.ts";
import type { Store } from "../store/store.ts";
import { type Clock, systemClock } from "../util/clock.ts";
import { systemRandom } from "../util/random.ts";
import { toHex } from "../util/sha256.ts";
import type { IngestConfig } from "./declare.ts";
import { Ingest } from "./ingest.ts";
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

/**
 * Picks up what the configuration schedules, beside a server over the same store. Close it before the server.
 *
 * @example
 * const server = createServer({ store, config });
 * const ingest = startIngest({ store, config, folder: "data" });
 */
export function startIngest(parts: StartParts): { readonly ingest: Ingest; close(): Promise<void> } {
  const { clock = systemClock, log = noLog } = parts;
  const ingest = ingestOf(parts);
  const scheduler = new Scheduler({ ingest, clock, log });
  return { ingest, close: () => scheduler.close() };
}
