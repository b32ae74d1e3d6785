import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Outcome } from "./contest.ts";
import { linesOf, type Result, tables } from "./report.ts";
import { folderOf, SYSTEMS, versionsOf } from "./systems.ts";
import type { Work } from "./work.ts";

function outcome(name: string, records: number, times: { readonly [work in Work]?: readonly number[] }): Outcome {
  const samples = Object.entries(times).flatMap(([work, list]) =>
    list.map((ms) => ({ work: work as Work, ms, down: ms * 1024, up: 1024 })),
  );
  return { name, versions: "", records, memory: 100, samples, failure: null, live: [], liveFailure: null };
}

function result(...systems: Outcome[]): Result {
  return { node: "v24", machine: "2 × test", records: 1000, runs: 3, systems };
}

const floor = outcome("floor", 1000, { copy: [10, 30, 20], push: [4] });
const tidemark = outcome("tidemark", 1000, { copy: [40], push: [8] });

describe("ratios", () => {
  test("the median divided by the median of Tidemark and of the floor", () => {
    const yjs = outcome("yjs", 1000, { copy: [300, 100, 200] });
    const line = linesOf(result(floor, tidemark, yjs), "copy").at(-1);
    expect(line).toMatchObject({ name: "yjs", ms: { median: 200, least: 100, most: 300 }, toTidemark: 5, toFloor: 10 });
    expect(line).toMatchObject({ down: 200 * 1024, up: 1024 });
  });

  test("of a copy for each record, of other work whole", () => {
    const tinybase = outcome("tinybase", 100, { copy: [40], push: [16] });
    const all = result(floor, tidemark, tinybase);
    expect(linesOf(all, "copy").at(-1)).toMatchObject({ toTidemark: 10, note: expect.stringContaining("100 records") });
    expect(linesOf(all, "push").at(-1)).toMatchObject({ toTidemark: 2, toFloor: 4 });
  });

  test("none where the other has no figure", () => {
    expect(linesOf(result(floor, outcome("yjs", 1000, { nothing: [1] })), "nothing").at(0)).toMatchObject({ ms: null });
    expect(linesOf(result(outcome("yjs", 1000, { copy: [1] })), "copy")).toMatchObject([
      { toTidemark: null, toFloor: null },
    ]);
  });
});

describe("the table", () => {
  test("floor and Tidemark first, then from fast to slow, then who failed, with the reason", () => {
    const slow = outcome("yjs", 1000, { copy: [9] });
    const fast = outcome("rxdb", 1000, { copy: [3] });
    const failed = { ...outcome("zero", 1000, {}), failure: "npm ci: no such version" };
    const lines = linesOf(result(failed, slow, fast, tidemark, floor), "copy");
    expect(lines.map(({ name }) => name)).toEqual(["floor", "tidemark", "rxdb", "yjs", "zero"]);
    expect(lines.at(-1)).toMatchObject({ ms: null, toTidemark: null, note: "npm ci: no such version" });
  });

  test("a failure after some work stands beside that work", () => {
    const half = { ...outcome("yjs", 1000, { copy: [9] }), failure: "the client ended with 1" };
    expect(linesOf(result(half), "copy").at(0)?.note).toContain("later: the client ended with 1");
    expect(linesOf(result(half), "push").at(0)?.note).toBe("the client ended with 1");
  });

  test("every row has the columns of its head", () => {
    const rows = tables(result(floor, tidemark)).split("\n");
    expect(new Set(rows.filter((row) => row.startsWith("|")).map((row) => row.split("|").length))).toEqual(
      new Set([9]),
    );
  });
});

describe("the folders of packages", () => {
  const folders = [...SYSTEMS.filter(({ packages }) => packages.length > 0).map(({ name }) => name), "plot"];

  test.each(folders)("%s names exact versions, and a lockfile without a registry's host", (folder) => {
    const read = (name: string) => JSON.parse(readFileSync(join(import.meta.dirname, folder, name), "utf8"));
    const { dependencies } = read("package.json") as { dependencies: { [name: string]: string } };
    const { packages } = read("package-lock.json") as { packages: { [path: string]: Locked } };
    const loose = Object.entries(dependencies).filter(([name, version]) => {
      return !/^\d/.test(version) || packages[`node_modules/${name}`]?.version !== version;
    });
    expect(loose).toEqual([]);
    expect(Object.values(packages).filter(({ resolved }) => resolved !== undefined)).toEqual([]);
  });

  test("whoever takes part has a server, a client and a part in W4, and tells its versions", () => {
    for (const system of SYSTEMS) {
      const suffix = system.packages.length > 0 ? "mjs" : "ts";
      for (const side of ["server", "client", "live"]) {
        expect(existsSync(join(folderOf(system), `${side}.${suffix}`)), `${system.name} ${side}`).toBe(true);
      }
      expect(versionsOf(system)).not.toContain("undefined");
    }
  });
});

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
}
