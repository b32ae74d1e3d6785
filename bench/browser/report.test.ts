import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { originOf } from "./chromium.ts";
import type { Outcome } from "./contest.ts";
import { linesOf, type Result, section, table } from "./report.ts";
import { SYSTEMS } from "./systems.ts";

function outcome(name: string, times: readonly number[], kept = 1000): Outcome {
  const samples = times.map((readable) => ({
    readable,
    written: 2 * readable,
    checked: null,
    longest: readable / 10,
    again: 5,
    kept,
  }));
  return { name, versions: "", samples, size: { bytes: 4096, gzip: 1024 }, failure: null };
}

function result(...systems: Outcome[]): Result {
  return { browser: "Chromium 1", machine: "2 × test", records: 1000, runs: 3, systems, handOvers: [] };
}

const floor = outcome("floor", [100, 300, 200]);
const tidemark = outcome("tidemark", [60, 40, 50]);

describe("what is said of the browser", () => {
  test("medians, and the ratios of them to Tidemark and to the floor", () => {
    const rxdb = outcome("rxdb", [900, 1100, 1000]);
    expect(linesOf(result(floor, tidemark, rxdb)).at(-1)).toMatchObject({
      name: "rxdb",
      readable: { median: 1000, least: 900, most: 1100 },
      written: 2000,
      longest: 100,
      toTidemark: 20,
      toFloor: 5,
      note: "",
    });
  });

  test("floor and Tidemark first, then from fast to slow, then who failed, with the reason", () => {
    const [slow, fast] = [outcome("pouchdb", [9, 9, 9]), outcome("rxdb", [3, 3, 3])];
    const failed = { ...outcome("replicache", []), failure: "npm ci: no such version" };
    const lines = linesOf(result(failed, slow, fast, tidemark, floor));
    expect(lines.map(({ name }) => name)).toEqual(["floor", "tidemark", "rxdb", "pouchdb", "replicache"]);
    expect(lines.at(-1)).toMatchObject({ readable: null, toTidemark: null, note: "npm ci: no such version" });
  });

  test("a replica that has lost records after a reload has no time for reading them, and says so", () => {
    const [line] = linesOf(result(outcome("rxdb", [1, 1, 1], 999)));
    expect(line).toMatchObject({ again: null, note: "after a reload 999 records" });
  });

  test("Tidemark's stores stand together, and the hand-over of each in a table below", () => {
    const opfs = outcome("tidemark-opfs", [500, 500, 500]);
    const rxdb = outcome("rxdb", [60, 60, 60]);
    const both = result(rxdb, opfs, tidemark);
    expect(linesOf(both).map(({ name }) => name)).toEqual(["tidemark", "tidemark-opfs", "rxdb"]);
    const times = { closed: [30, 10, 20], killed: [] };
    const told = table({ ...both, handOvers: [{ name: "tidemark", title: "Tidemark", times }] });
    expect(told.split("\n").at(-1)).toContain("20 (10–30) ms");
  });

  test("fewer runs than were asked for are told", () => {
    expect(linesOf(result(outcome("pouchdb", [1])))[0]?.note).toBe("1 of 3 runs");
  });

  test("every row has the columns of its head, and the section holds the table", () => {
    const rows = table(result(floor, tidemark)).split("\n");
    expect(new Set(rows.map((row) => row.split("|").length))).toEqual(new Set([13]));
    expect(section(result(floor, tidemark))).toContain(rows.join("\n"));
  });
});

test.each([
  ["http://127.0.0.1:1/tasks", "http://127.0.0.1:1"],
  ["ws://127.0.0.1:2", "http://127.0.0.1:2"],
  [{ url: "http://127.0.0.1:3", space: "x" }, "http://127.0.0.1:3"],
])("a page is loaded from the origin of its server: %j", (address, origin) => {
  expect(originOf(address)).toBe(origin);
});

describe("the pages", () => {
  test.each(SYSTEMS)("$name has a page", ({ page }) => {
    expect(existsSync(page)).toBe(true);
  });

  test.each(SYSTEMS.filter(({ folder }) => folder !== null))(
    "$name names exact versions, and a lockfile without a registry's host",
    ({ folder, packages: told }) => {
      const read = (name: string) => JSON.parse(readFileSync(join(folder as string, name), "utf8"));
      const { dependencies } = read("package.json") as { dependencies: { [name: string]: string } };
      const { packages } = read("package-lock.json") as { packages: { [path: string]: { [key: string]: unknown } } };
      const loose = Object.entries(dependencies).filter(
        ([name, version]) => !/^\d/.test(version) || packages[`node_modules/${name}`]?.["version"] !== version,
      );
      expect(loose).toEqual([]);
      expect(Object.keys(dependencies)).toEqual(expect.arrayContaining([...told]));
      expect(Object.values(packages).filter(({ resolved }) => resolved !== undefined)).toEqual([]);
    },
  );
});
