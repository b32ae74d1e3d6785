import { Cron } from "croner";
import { z } from "zod";
import type { Config } from "../server/config.ts";
import { json } from "../server/encode.ts";
import type { Log } from "../server/index.ts";
import type { Route } from "../server/routes.ts";
import type { WarehouseConfig } from "../server/warehouses-config.ts";
import type { Clock } from "../util/clock.ts";
import type { Sink, Warehouse } from "../warehouse/index.ts";
import type { WarehouseState, WarehousesResponse } from "../wire/warehouses.ts";
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

const pause = z.object({ atom: z.string(), from: z.string(), to: z.string(), id: z.string() });
const synced = z.object({
  at: z.number(),
  revision: z.int(),
  taken: z.int(),
  rebuilt: z.array(z.string()),
  paused: z.record(z.string(), pause),
});
/** The form of `WarehousesResponse`, as it is described (H17). */
const listedWarehouses = z.object({
  warehouses: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(["duckdb", "postgres", "parquet"]),
      mode: z.enum(["current", "history", "append"]),
      schedule: z.union([z.string(), z.looseObject({ cron: z.string() })]).nullable(),
      due: z.number().nullable(),
      syncing: z.boolean(),
      last: synced.nullable(),
      failure: z.object({ at: z.number(), cause: z.string() }).nullable(),
    }),
  ),
});

interface Scheduled {
  readonly config: Config;
  readonly log: Log;
  readonly clock: Clock;
  readonly stop: AbortSignal;
}

/** The warehouses of a server's configuration: syncs those that have a schedule, and knows what came of it. */
export class Warehouses {
  readonly #parts: Scheduled;
  readonly #states: Map<string, WarehouseState>;

  constructor(parts: Scheduled) {
    this.#parts = parts;
    const named = Object.entries(parts.config.warehouses ?? {});
    this.#states = new Map(named.map(([name, config]) => [name, stateOf(name, config)]));
  }

  /** For the server's options (X12). */
  get routes(): readonly Route[] {
    return [
      {
        method: "GET",
        path: "/v1/spaces/:space/warehouses",
        asks: "admin",
        about: { summary: "The warehouses that follow a space, and their last syncs", answer: listedWarehouses },
        handle: (_, { request, space }) => json(request, { warehouses: this.of(space) } satisfies WarehousesResponse),
      },
    ];
  }

  /** Those that follow a space of this server. */
  of(space: string): WarehouseState[] {
    const { warehouses = {} } = this.#parts.config;
    return [...this.#states.values()].filter(({ name }) => {
      const { url, space: own = "main" } = warehouses[name] ?? {};
      return url === undefined && own === space;
    });
  }

  /**
   * Syncs at the scheduled times, until it is stopped. Times that were missed become one.
   * - `server`: the address of this server.
   */
  async run(server: string): Promise<void> {
    const named = Object.entries(this.#parts.config.warehouses ?? {});
    await Promise.all(named.map(([name, warehouse]) => this.#runOne(name, warehouse, server)));
  }

  async #runOne(name: string, config: WarehouseConfig, server: string): Promise<void> {
    if (config.schedule === undefined) return;
    const { log, clock, stop } = this.#parts;
    const { cron, timeZone = "UTC" } =
      typeof config.schedule === "object" ? config.schedule : { cron: config.schedule };
    while (!stop.aborted) {
      const next = new Cron(cron, { timezone: timeZone }).nextRun(new Date(clock.now()))?.getTime() ?? null;
      this.#set(name, { due: next });
      if (next === null) return log.info({ warehouse: name }, "the schedule of this warehouse has no further time");
      await clock.sleep(Math.max(0, next - clock.now()), stop);
      if (!stop.aborted) await this.#sync(name, config, server);
    }
  }

  /** One that fails is tried again at its next time. */
  async #sync(name: string, config: WarehouseConfig, server: string): Promise<void> {
    const { log, clock, stop } = this.#parts;
    let warehouse: Warehouse | null = null;
    this.#set(name, { syncing: true });
    try {
      warehouse = await openConfigured(config, server);
      const { revision, taken, rebuilt, paused } = await warehouse.sync({ signal: stop });
      const more = { rebuilt: rebuilt.join(" "), paused: Object.keys(paused).join(" ") };
      this.#set(name, { last: { at: clock.now(), revision, taken, rebuilt, paused }, failure: null });
      log.info({ warehouse: name, revision, taken, ...more }, "a warehouse was synced");
    } catch (error) {
      if (!stop.aborted) {
        const cause = (error as Error).message;
        this.#set(name, { failure: { at: clock.now(), cause } });
        log.error({ warehouse: name, cause }, "a warehouse could not be synced");
      }
    } finally {
      this.#set(name, { syncing: false });
      await warehouse?.close();
    }
  }

  #set(name: string, change: Partial<WarehouseState>): void {
    const state = this.#states.get(name);
    if (state !== undefined) this.#states.set(name, { ...state, ...change });
  }
}

function stateOf(name: string, { duckdb, postgres, mode = "current", schedule }: WarehouseConfig): WarehouseState {
  const kind = duckdb !== undefined ? "duckdb" : postgres !== undefined ? "postgres" : "parquet";
  return { name, kind, mode, schedule: schedule ?? null, due: null, syncing: false, last: null, failure: null };
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
