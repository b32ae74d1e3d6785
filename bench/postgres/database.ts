import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { PostgresServer } from "../../test/support/postgres-server.ts";

/** Room for all records, and logical replication, as the peer that uses PostgreSQL has it. It syncs each commit. */
const FLAGS = ["wal_level=logical", "max_wal_size=4GB", "shared_buffers=512MB"];
const STATISTICS = ["shared_preload_libraries=pg_stat_statements", "pg_stat_statements.track=all"];

export interface Database {
  readonly url: string;
  /** Of the process that leads all others. */
  readonly pid: number;
  stop(): Promise<void>;
}

/** A PostgreSQL of its own. `watched`: it keeps statistics of its statements. */
export async function startDatabase(watched: boolean): Promise<Database> {
  const flags = [...FLAGS, ...(watched ? STATISTICS : [])].flatMap((flag) => ["-c", flag]);
  const server = await PostgresServer.start(flags);
  const pid = Number.parseInt(readFileSync(join(server.folder, "data", "postmaster.pid"), "utf8"), 10);
  if (watched) await once(server.url, "CREATE EXTENSION pg_stat_statements");
  return { url: server.url, pid, stop: () => server.end() };
}

export function schemaUrl(url: string, schema: string): string {
  return `${url}?schema=${schema}`;
}

export async function once<Row>(url: string, statement: string): Promise<readonly Row[]> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    return (await sql.unsafe(statement)) as unknown as readonly Row[];
  } finally {
    await sql.end();
  }
}

/** The statements that took most time so far, as a text for people. */
export async function statements(url: string): Promise<string> {
  const found = await once<{ ms: number; calls: string; text: string }>(
    url,
    `SELECT total_exec_time AS ms, calls, regexp_replace(left(query, 400), '\\s+', ' ', 'g') AS text
     FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 20`,
  );
  return found
    .map(
      ({ ms, calls, text }) =>
        `${ms.toFixed(0)} ms, ${calls} × ${((1_000 * ms) / Number(calls)).toFixed(0)} µs: ${text.slice(0, 130)}`,
    )
    .join("\n");
}

/** Of a clock tick of /proc, in microseconds. */
const TICK = 10_000;

/**
 * Microseconds of processor time that PostgreSQL has taken so far, all its processes together, to a hundredth of a second;
 * null where the system does not tell.
 */
export function databaseCpu(pid: number): number | null {
  try {
    const all = readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => timesOf(Number(name)) ?? []);
    return all
      .filter((one) => one.pid === pid || one.parent === pid)
      .reduce((sum, one) => sum + one.own + (one.pid === pid ? one.ended : 0), 0);
  } catch {
    return null;
  }
}

/** `ended`: of its children that have ended. Null for a process that has ended meanwhile. */
function timesOf(pid: number): { pid: number; parent: number; own: number; ended: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text
      .slice(text.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    const at = (field: number) => (fields[field - 3] ?? 0) * TICK;
    return { pid, parent: fields[1] ?? 0, own: at(14) + at(15), ended: at(16) + at(17) };
  } catch {
    return null;
  }
}
