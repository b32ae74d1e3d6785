import type { Line } from "../../src/wire/lines.ts";
import { alternated, timed } from "../measure.ts";
import { EVERYTHING } from "../replica.ts";
import type { Bench, Workload } from "../workload.ts";

const NEWCOMERS = 20;

export const newcomers: Workload = {
  id: "W9",
  title: "copies of 100,000 records by many at once",
  records: 100_000,
  async measure(bench) {
    const all = (pages: boolean) => () =>
      timed(() => Promise.all(Array.from({ length: NEWCOMERS }, () => fetched(bench, pages))));
    const floor = bench.profile ? null : all(false);
    const { results, floors } = await alternated({ runs: Math.min(3, bench.runs), warm: 1, work: all(true), floor });
    return [
      {
        id: "W9",
        work: `${NEWCOMERS} copies of 100,000 at once, compressed, by pages that are read once`,
        unit: "ms",
        values: results,
        floor: floors,
        floorIs: "the same copies without pages: each read, and compressed, for itself",
        note: "nothing is done with what comes; no cache between",
      },
    ];
  },
};

/** All bytes of a copy. */
async function fetched({ base }: Bench, pages: boolean): Promise<void> {
  const response = await fetch(`${base}/pull`, {
    method: "POST",
    headers: { "content-type": "application/json", "accept-encoding": "gzip" },
    body: JSON.stringify({ subscriptions: [EVERYTHING], pages }),
  });
  if (!pages) return void (await response.arrayBuffer());
  for (const text of (await response.text()).split("\n")) {
    if (!text.startsWith('{"op":"page"')) continue;
    const { href } = JSON.parse(text) as Line & { readonly op: "page" };
    const page = await fetch(`${base}/${href}`, { headers: { "accept-encoding": "gzip" } });
    await page.arrayBuffer();
  }
}
