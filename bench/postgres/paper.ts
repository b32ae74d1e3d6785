import { judged, markdown, numberText, type Row } from "../figures.ts";
import { COSTS } from "./parts/cost.ts";
import { COPIED } from "./parts/servers.ts";

/** The calculation of docs/scaling.md: what was measured, times what is assumed. Pure. */

export const ASSUMED = {
  replicas: 1_000_000,
  spaces: 100_000,
  /** A second, evenly over the spaces: so each is alone in its commit. */
  writes: 10_000,
  /** Of a replica. */
  records: 1_000,
  /** Seconds in which every replica copies anew, as after a restore. */
  copying: 3_600,
};

const MICROSECONDS = 1_000_000;

export function paper(rows: readonly Row[]): string {
  const { replicas, spaces, writes, records, copying } = ASSUMED;
  const each = replicas / spaces;
  const copied = (replicas * records) / copying;
  const many = (count: number) => count.toLocaleString("en-US", { maximumFractionDigits: 0 });
  const cores = (what: string, times: number, by: string, server: string, database: string | null) => {
    const cell = (work: string | null) => {
      const found = work === null ? null : medianOf(rows, work);
      return found === null ? "" : `${numberText((found * times) / MICROSECONDS)} (${numberText(found)} µs each)`;
    };
    return [what, by, cell(server), cell(database)];
  };
  const idle = `spaces × servers that have a replica of one, each a second`;
  const memory = medianOf(rows, COSTS.memory);
  const table = markdown(
    ["what", "how many", "cores of servers", "cores of PostgreSQL"],
    [
      cores(
        "commits, and the rounds that tell of them",
        writes,
        `${many(writes)} a second`,
        COSTS.push,
        COSTS.pushDatabase,
      ),
      cores("deliveries", writes * each, `${many(writes * each)} a second`, COSTS.delivery, null),
      cores(
        "looks at idle spaces, requests routed by space",
        spaces,
        `${many(spaces)} ${idle}`,
        COSTS.idle,
        COSTS.idleDatabase,
      ),
      cores(
        "looks at idle spaces, requests routed at random",
        replicas,
        `up to ${many(replicas)} ${idle}`,
        COSTS.idle,
        COSTS.idleDatabase,
      ),
      cores(
        "copies, all replicas in an hour",
        copied,
        `${many(copied)} records a second`,
        COPIED.server,
        COPIED.database,
      ),
    ],
  );
  const held =
    memory === null
      ? ""
      : `\n\nMemory of the servers: ${many(replicas)} × ${numberText(memory)} KiB = ${many((replicas * memory) / 2 ** 20)} GiB.`;
  return `${table}${held}`;
}

function medianOf(rows: readonly Row[], work: string): number | null {
  const row = rows.find((one) => one.work === work);
  return (row && judged(row)?.value.median) ?? null;
}
