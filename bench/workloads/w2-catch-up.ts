import { atMost, type Row } from "../figures.ts";
import { alternated, timed } from "../measure.ts";
import { record } from "../records.ts";
import { EVERYTHING, open, switchable } from "../replica.ts";
import { change, cursorOf, linesOf, post } from "../wire.ts";
import type { Bench, Workload } from "../workload.ts";

const CHANGED = 2_000;
const TIMES = 5;
/** Bytes beside the changed atoms that a record of a delta may take. */
const OVERHEAD = 60;

export const catchUp: Workload = {
  id: "W2",
  title: "catch-up over 10,000 changes on 2,000 of 100,000 records",
  records: 100_000,
  async measure(bench) {
    const line = switchable();
    const client = open(bench, line.fetch);
    await client.subscribe(EVERYTHING).ready;
    let version = 0;
    let delta = "";
    const work = async () => {
      line.online = false;
      const cursor = cursorOf(await post(`${bench.base}/pull`, { subscriptions: [EVERYTHING] }));
      for (let i = 0; i < TIMES; i++) await change(bench.base, CHANGED, ++version);
      delta = await post(`${bench.base}/pull`, { subscriptions: [{ ...EVERYTHING, cursor }] });
      line.online = true;
      return timed(() => client.sync());
    };
    const map = new Map<string, object>(Array.from({ length: 100_000 }, (_, i) => [record(i).id, record(i)]));
    const floor = bench.profile ? null : () => floorOf(bench, delta, map);
    const { results, floors } = await alternated({ runs: bench.runs, warm: 2, work, floor });
    await client.close();
    return [
      {
        id: "W2",
        work: "catch-up over 10,000 changes on 2,000 of 100,000 records",
        unit: "ms",
        values: results,
        floor: floors,
        floorIs: "fetch of the same delta from a bare server, JSON.parse of its lines, 2,000 patches applied to a Map",
        target: atMost(3),
      },
      bytesOf(delta, version),
    ];
  },
};

async function floorOf({ floor }: Bench, delta: string, map: Map<string, object>): Promise<number> {
  await fetch(`${floor}/delta`, { method: "PUT", body: delta });
  return timed(async () => {
    for (const line of linesOf<{ records?: { id: string }[] }>(await (await fetch(`${floor}/delta`)).text())) {
      for (const patch of line.records ?? []) map.set(patch.id, { ...map.get(patch.id), ...patch });
    }
  });
}

function bytesOf(delta: string, version: number): Row {
  let atoms = 0;
  for (let i = 0; i < CHANGED; i++) {
    const { title, updated } = record(i, version);
    atoms += JSON.stringify({ title, updated }).length - 2;
  }
  return {
    id: "W2",
    work: "bytes of that delta",
    unit: "bytes",
    values: [delta.length],
    floor: [atoms + CHANGED * OVERHEAD],
    floorIs: `for the bytes: the changed atoms as JSON, and ${OVERHEAD} bytes a record`,
    target: atMost(1),
    note: `${((delta.length - atoms) / CHANGED).toFixed(1)} bytes a record beside its atoms`,
  };
}
