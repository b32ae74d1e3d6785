import { createHash } from "node:crypto";
import { memoryStore } from "tidemark/client/memory";
import { atMost, numberText, type Row } from "../figures.ts";
import { alternated, rested, timed } from "../measure.ts";
import { record } from "../records.ts";
import { counted, EVERYTHING, open } from "../replica.ts";
import type { Workload } from "../workload.ts";

export const verify = verifyOf(100_000);
export const verifyMillion = { ...verifyOf(1_000_000), large: true };

interface Verified {
  readonly ms: number;
  readonly rounds: number;
  readonly bytes: number;
}

function verifyOf(records: number): Workload {
  return {
    id: "W6",
    title: `verify of ${records.toLocaleString("en-US")} records`,
    records,
    async measure(bench) {
      const { fetch, count } = counted("/verify");
      const store = memoryStore();
      const client = open(bench, fetch, store);
      await client.subscribe(EVERYTHING).ready;
      const large = records > 100_000;
      const floor = bench.profile ? null : floorOf(records);
      const rows: Row[] = [];
      for (const differences of [0, 1, 100]) {
        const work = async (): Promise<Verified> => {
          await damaged(store, records, differences);
          await rested();
          count.bytes = 0;
          let rounds = 0;
          const ms = await timed(async () => {
            const { subscriptions } = await client.verify();
            const [found] = subscriptions;
            if (found?.differences.length !== differences) throw new Error("verify did not find what differs");
            rounds = found.rounds;
          });
          return { ms, rounds, bytes: count.bytes };
        };
        const trial = { runs: large ? 1 : bench.runs, warm: large ? 0 : 1, work, floor };
        const { results, floors } = await alternated(trial);
        rows.push(...rowsOf(records, differences, results, floors));
      }
      await client.close();
      return rows;
    },
  };
}

function rowsOf(
  records: number,
  differences: number,
  results: readonly Verified[],
  floor: readonly number[],
): readonly Row[] {
  const last = results.at(-1) as Verified;
  const few = differences === 1 && records === 1_000_000;
  const work = `verify of ${records.toLocaleString("en-US")}, ${differences === 1 ? "1 difference" : `${differences} differences`}`;
  const rest = { id: "W6", floor: [] };
  const ms: Row = {
    ...rest,
    work,
    unit: "ms",
    values: results.map((result) => result.ms),
    floor,
    floorIs:
      "SHA-256 of the JSON text of every record, for comparison: a client that trusts nothing it remembers needs that",
    ...(few && { target: atMost(1_000, "value") }),
    note: `${last.rounds} rounds, ${numberText(last.bytes / 1024)} KiB both ways`,
  };
  const rounds: Row = { ...rest, work: `${work}: rounds`, unit: "rounds", values: results.map((one) => one.rounds) };
  const size: Row = { ...rest, work: `${work}: bodies`, unit: "KiB", values: results.map((one) => one.bytes / 1024) };
  if (differences === 0) return [ms, { ...rounds, target: atMost(2, "value") }];
  if (!few) return [ms];
  return [ms, { ...rounds, target: atMost(6, "value") }, { ...size, target: atMost(64, "value") }];
}

/** Changes as many records of the store as asked for behind the client's back, spread evenly. */
async function damaged(store: ReturnType<typeof memoryStore>, records: number, differences: number): Promise<void> {
  for (let i = 0; i < differences; i++) {
    const key = `tasks/${record(Math.floor(((i + 0.5) * records) / differences)).id}`;
    const [held] = await store.get([key]);
    if (held === undefined) throw new Error("the copy lacks a record");
    await store.write({ rows: new Map([[key, { ...held, data: { ...held.data, title: "damaged" } }]]) });
  }
}

function floorOf(records: number): () => Promise<number> {
  const texts = Array.from({ length: records }, (_, i) => JSON.stringify(record(i)));
  return () => timed(() => texts.forEach((text) => createHash("sha256").update(text).digest()));
}
