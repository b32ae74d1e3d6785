import { describe, expect, test } from "vitest";
import type { Outcome } from "../contest.ts";
import { type LiveRun, percentiles, shares } from "./contest.ts";
import { liveLines, liveTable } from "./report.ts";

function outcome(name: string, p50s: readonly number[], liveFailure: string | null = null): Outcome {
  const live = p50s.map(
    (p50): LiveRun => ({
      each: { p50: p50 / 2, p99: p50 },
      last: { p50, p99: 3 * p50 },
      cpu: 10 * p50,
      apart: 1000 / p50,
      same: 2000 / p50,
      delivered: 1,
    }),
  );
  return { name, versions: "", records: 1, memory: null, samples: [], failure: null, live, liveFailure };
}

const floor = outcome("floor", [1, 3, 2]);
const tidemark = outcome("tidemark", [4]);

describe("W4", () => {
  test("medians of the runs, and the ratios to the last subscriber of Tidemark and of the floor", () => {
    const line = liveLines([floor, tidemark, outcome("yjs", [30, 10, 20])]).at(-1);
    expect(line).toMatchObject({
      name: "yjs",
      last: { p50: { median: 20, least: 10, most: 30 }, p99: { median: 60 } },
      each: { p50: 10, p99: 20 },
      toTidemark: 5,
      toFloor: 10,
      tailToFloor: 10,
      cpu: 200,
      apart: 50,
      same: 100,
    });
  });

  test("floor and Tidemark first, then from fast to slow, then who failed, with the reason", () => {
    const failed = outcome("zero", [], "no result within 60 s");
    const lines = liveLines([failed, outcome("yjs", [9]), outcome("rxdb", [3]), tidemark, floor]);
    expect(lines.map(({ name }) => name)).toEqual(["floor", "tidemark", "rxdb", "yjs", "zero"]);
    expect(lines.at(-1)).toMatchObject({ last: null, toTidemark: null, note: "no result within 60 s" });
  });

  test("tells whether every version was delivered, or which share", () => {
    const some = {
      ...outcome("zero", [9]),
      live: [{ ...(outcome("zero", [9]).live[0] as LiveRun), delivered: 0.0123 }],
    };
    const rows = liveTable([floor, some]).split("\n");
    expect(rows.at(-2)).toContain("| every one ");
    expect(rows.at(-1)).toContain("| 1.2 % ");
    expect(new Set(rows.map((row) => row.split("|").length))).toEqual(new Set([15]));
  });
});

test("percentiles are of the sorted values", () => {
  const values = Array.from({ length: 100 }, (_, i) => 99 - i);
  expect(percentiles(values)).toEqual({ p50: 50, p99: 99 });
  expect(percentiles([7])).toEqual({ p50: 7, p99: 7 });
});

test("subscribers are dealt out evenly, and none is left out", () => {
  expect(shares(100, 1)).toEqual([{ first: 0, count: 100 }]);
  expect(shares(10, 3)).toEqual([
    { first: 0, count: 3 },
    { first: 3, count: 3 },
    { first: 6, count: 4 },
  ]);
});
