import { atMost } from "../figures.ts";
import { alternated, rested, timed } from "../measure.ts";
import { record } from "../records.ts";
import { EVERYTHING, open, switchable } from "../replica.ts";
import type { Bench, Workload } from "../workload.ts";

const PENDING = 1_000;
const FLOOR = "one HTTP body of 1,000 records into one SQLite transaction, row by row, WAL, synchronous FULL";

export const push: Workload = {
  id: "W3",
  title: "1,000 pending mutations until durable",
  records: 1_000,
  space: "pushed",
  async measure(bench) {
    const rows = Array.from({ length: PENDING }, (_, i) => record(i));
    const floor = () => timed(() => sent(bench, rows));
    const trial = { runs: bench.runs * 2, warm: 3, floor: bench.profile ? null : floor };
    const { results, floors } = await alternated({ ...trial, work: (run) => pushed(bench, run) });
    const row = { id: "W3", unit: "ms", floor: floors, floorIs: FLOOR };
    return [
      {
        ...row,
        work: "1,000 pending mutations until durable on the server",
        values: results.map(({ durable }) => durable),
        target: atMost(5),
        note: "each with its own revision, outcome and journal entry; the goal is 3×",
      },
      {
        ...row,
        work: "1,000 pending mutations until settled: durable, and the replica holds them as the server has them",
        values: results.map(({ settled }) => settled),
      },
    ];
  },
};

async function sent({ floor }: Bench, rows: readonly object[]): Promise<void> {
  await (await fetch(`${floor}/rows`, { method: "POST", body: JSON.stringify(rows) })).text();
}

/** Written offline; then the line comes back. */
async function pushed(bench: Bench, run: number): Promise<{ readonly durable: number; readonly settled: number }> {
  const line = switchable();
  const client = open(bench, line.fetch);
  await client.subscribe(EVERYTHING).ready;
  line.online = false;
  const writes = Array.from({ length: PENDING }, (_, i) =>
    client.mutate((tx) => tx.insert("tasks", { ...record(i), id: `run-${process.pid}-${run}-${i}` })),
  );
  await Promise.all(writes.map((write) => write.local));
  await rested();
  line.online = true;
  const start = performance.now();
  const synced = client.sync();
  const outcomes = await Promise.all(writes.map((write) => write.settled));
  const settled = performance.now() - start;
  await synced;
  if (outcomes.some(({ status }) => status !== "applied")) throw new Error("a mutation was not applied");
  await client.close();
  return { durable: line.pushed - start, settled };
}
