import { Cron } from "croner";
import type { Config } from "../server/config.ts";
import type { Log } from "../server/index.ts";
import type { WarehouseConfig } from "../server/warehouses-config.ts";
import type { Clock } from "../util/clock.ts";
import type { Sink, Warehouse } from "../warehouse/index.ts";
import { Failure } from "./failure.ts";

/** How long another process may have a file of DuckDB open before it is given up, in milliseconds. */
const PATIENCE = 30_000;

/**
 * Opens a warehouse of the configuration.
 * - `server`: the address of the server that it follows where it names none.
 * - `onWait`: told once where another process has it open, and is waited for.
 */
export async function openConfigured(config: WarehouseConfig, server: string, onWait?: () => void): Promise<Warehouse> {
  // The databases' drivers are loaded only where a warehouse is used.
  const { openWarehouse } = await import("../warehouse/index.ts");
  const { url = server, space = "main", mode, scope, collections, atoms, deletes, token } = config;
  const key = typeof config.key === "function" ? config.key() : config.key;
  return openWarehouse({
    sink: await sinkOf(config, onWait),
    url,
    space,
    mode,
    scope,
    collections,
    atoms,
    deletes,
    token,
    key,
  });
}

async function sinkOf({ duckdb, postgres, parquet }: WarehouseConfig, onWait?: () => void): Promise<Sink> {
  const { duckdbSink, parquetSink, postgresSink } = await import("../warehouse/index.ts");
  if (duckdb !== undefined) return duckdbSink(duckdb, { wait: PATIENCE, ...(onWait && { onWait }) });
  return postgres !== undefined ? postgresSink(postgres) : parquetSink(parquet as string);
}

interface Scheduled {
  readonly config: Config;
  readonly server: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly stop: AbortSignal;
}

/** Syncs each warehouse that has a schedule at its times, until it is stopped. Times that were missed become one. */
export async function runWarehouses({ config, ...parts }: Scheduled): Promise<void> {
  const named = Object.entries(config.warehouses ?? {});
  await Promise.all(named.map(([name, warehouse]) => runOne(name, warehouse, parts)));
}

async function runOne(name: string, config: WarehouseConfig, parts: Omit<Scheduled, "config">): Promise<void> {
  if (config.schedule === undefined) return;
  const { log, clock, stop } = parts;
  const { cron, timeZone = "UTC" } = typeof config.schedule === "object" ? config.schedule : { cron: config.schedule };
  while (!stop.aborted) {
    const next = new Cron(cron, { timezone: timeZone }).nextRun(new Date(clock.now()));
    if (next === null) return log.info({ warehouse: name }, "the schedule of this warehouse has no further time");
    await clock.sleep(Math.max(0, next.getTime() - clock.now()), stop);
    if (!stop.aborted) await syncOnce(name, config, parts);
  }
}

/** One that fails is tried again at its next time. */
async function syncOnce(name: string, config: WarehouseConfig, { server, log, stop }: Omit<Scheduled, "config">) {
  let warehouse: Warehouse | null = null;
  try {
    warehouse = await openConfigured(config, server);
    const { revision, taken, rebuilt, paused } = await warehouse.sync({ signal: stop });
    const more = { rebuilt: rebuilt.join(" "), paused: Object.keys(paused).join(" ") };
    log.info({ warehouse: name, revision, taken, ...more }, "a warehouse was synced");
  } catch (error) {
    if (!stop.aborted)
      log.error({ warehouse: name, cause: (error as Error).message }, "a warehouse could not be synced");
  } finally {
    await warehouse?.close();
  }
}

/** The warehouse of this name, or of the only one where none is given. */
export function configured(config: Config, name: string): WarehouseConfig {
  const all = config.warehouses ?? {};
  const found = Object.hasOwn(all, name) ? all[name] : undefined;
  if (found !== undefined) return found;
  const names = Object.keys(all);
  const there = names.length === 0 ? "it has none: write `warehouses` into it" : `there are: ${names.join(", ")}`;
  throw new Failure(`The configuration has no warehouse ${JSON.stringify(name)}; ${there}.`, 2);
}
