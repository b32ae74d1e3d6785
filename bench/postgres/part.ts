import { join } from "node:path";
import type { Row } from "../figures.ts";
import { rested } from "../measure.ts";
import { type Child, type Profile, serving } from "../processes.ts";
import { get } from "../wire.ts";
import { databaseCpu, schemaUrl } from "./database.ts";
import type { Serve, Served, Told } from "./server.ts";

/** What a part of the benchmark is given. */
export interface Setting {
  /** For SQLite's files. */
  readonly folder: string;
  /** Address of PostgreSQL, without a schema. */
  readonly database: string;
  readonly pid: number;
  readonly runs: number;
  /** Where profiles of the servers on PostgreSQL are written; null: none are taken. */
  readonly profiles: string | null;
}

export interface Part {
  readonly id: string;
  readonly title: string;
  /** Whether it reads the records that `fill` writes. */
  readonly filled: boolean;
  measure(setting: Setting): Promise<readonly Row[]>;
}

/** The space of the 100,000 records. */
export const FILLED = "filled";
export const RECORDS = 100_000;

export type RunningServer = Child & { readonly told: Served };

export function baseOf({ told }: RunningServer, space: string): string {
  return `${told.url}/v1/spaces/${space}`;
}

export function onSqlite({ folder }: Setting): Promise<RunningServer> {
  return started({ data: join(folder, "sqlite") });
}

let profiled = 0;

export function onPostgres(
  { database, profiles }: Setting,
  schema = "tidemark",
  adopt?: Serve["adopt"],
): Promise<RunningServer> {
  const profile = profiles === null ? undefined : { folder: profiles, name: `${schema}-${process.pid}-${++profiled}` };
  return started({ data: schemaUrl(database, schema), ...(adopt && { adopt }) }, profile);
}

function started(serve: Serve, profile?: Profile): Promise<RunningServer> {
  return serving<Served>("postgres/server.ts", [JSON.stringify(serve)], profile);
}

/** Of a server's process, after a collection of its garbage. */
export async function toldBy(server: RunningServer): Promise<Told> {
  return get<Told>(`${server.told.told}/rested`);
}

/** Microseconds of processor time that servers and the database take for the work. */
export async function cpuOf(
  { pid }: Pick<Setting, "pid">,
  servers: readonly RunningServer[],
  work: () => Promise<unknown>,
): Promise<{ readonly server: number; readonly database: number | null }> {
  const all = async () => (await Promise.all(servers.map(toldBy))).reduce((sum, { cpu }) => sum + cpu, 0);
  // What a collection takes is counted with the work that left the garbage.
  const before = await all();
  const database = databaseCpu(pid);
  await work();
  const taken = databaseCpu(pid);
  return { server: (await all()) - before, database: database === null || taken === null ? null : taken - database };
}

type Works = { readonly [name: string]: (run: number) => Promise<number> };

/** Works in turn, so that all are equally warm and meet the same machine. */
export async function inTurn<W extends Works>(
  works: W,
  { runs, warm }: { readonly runs: number; readonly warm: number },
): Promise<{ readonly [name in keyof W]: readonly number[] }> {
  const found = Object.fromEntries(Object.keys(works).map((name) => [name, [] as number[]]));
  for (let run = 0; run < warm + runs; run++) {
    for (const [name, work] of Object.entries(works)) {
      await rested();
      const value = await work(run);
      if (run >= warm) found[name]?.push(value);
    }
  }
  return found as { [name in keyof W]: number[] };
}
