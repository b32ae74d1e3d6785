import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, test } from "vitest";
import type { SourceRow } from "../../src/ingest/entities.ts";
import type { RunRow, TaskState } from "../../src/ingest/index.ts";
import { clean, Fenced, type Stream } from "../../src/ingest/index.ts";
import type { RecordData } from "../../src/model/record.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { folderOf } from "../support/folder.ts";
import { Desk, ListSource, oneStream, put, SPACE } from "./support.ts";

const ROUNDS = process.env["TIDEMARK_LONG"] ? 200 : 20;
const WRITER = new URL("./writer.ts", import.meta.url).pathname;

describe("a runner that is killed", () => {
  test(`[I1] loses no row and brings none twice, and cursor and data agree, in ${ROUNDS} kills (seed ingest)`, async () => {
    const folder = join(folderOf(), "data");
    const random = seededRandom("ingest");
    let acknowledged = 0;
    for (let round = 0; round < ROUNDS; round++) {
      acknowledged = Math.max(acknowledged, await killedAfter(folder, random.between(1, 12)));
      await checkWhole(folder, acknowledged);
    }
    expect(acknowledged).toBeGreaterThan(ROUNDS * 10);
  }, 900_000);
});

/** Gives the last cursor that it said was committed. */
async function killedAfter(folder: string, commits: number): Promise<number> {
  const writer = spawn(process.execPath, [WRITER, folder], { stdio: ["ignore", "pipe", "inherit"] });
  const exit = once(writer, "exit");
  let last = 0;
  let count = 0;
  // It goes on while the line is on its way: the kill meets it anywhere in a later commit, or in reading.
  for await (const line of createInterface({ input: writer.stdout })) {
    last = Number(line);
    if (++count === commits) writer.kill("SIGKILL");
  }
  const [, signal] = await exit;
  expect(signal).toBe("SIGKILL");
  return last;
}

async function checkWhole(folder: string, acknowledged: number): Promise<void> {
  const store = openSqliteStore({ path: folder });
  const root = "ingest/list.things/";
  const notes = async (name: string) =>
    (await store.read(SPACE, [{ kind: "notes-between", from: `${root}${name}/`, to: `${root}${name}0`, limit: 1e6 }]))
      ?.results[0] ?? [];
  const state = JSON.parse((await store.note(SPACE, `${root}state`)) ?? "null") as TaskState;
  const cursor = Number(state.cursor);
  expect(cursor).toBeGreaterThanOrEqual(acknowledged);
  const numbers = Array.from({ length: cursor }, (_, n) => n);
  const good = numbers.filter((n) => n % 7 !== 3);
  const page = await store.read(SPACE, [{ kind: "page", scope: "*", after: null, limit: 1e6, bytes: 1e9 }]);
  const records = (page?.results[0].runs ?? []).flatMap((run) => JSON.parse(`[${run.records}]`) as RecordData[]);
  expect(records.map(({ n }) => Number(n)).sort((a, b) => a - b)).toEqual(good);
  const rows = (await notes("row")).map(([, text]) => JSON.parse(text) as SourceRow);
  expect(rows).toHaveLength(good.length);
  expect(state.rows).toBe(good.length);
  // Each exactly once: the rows that runs left add up, those of the killed ones too.
  const runs = (await notes("run")).map(([, text]) => JSON.parse(text) as RunRow);
  const sum = (of: (row: RunRow) => number) => runs.reduce((total, row) => total + of(row), 0);
  expect(sum(({ added }) => added)).toBe(good.length);
  expect(sum(({ changed, unchanged, stale }) => changed + unchanged + stale)).toBe(0);
  expect(sum(({ rejected }) => rejected)).toBe(cursor - good.length);
  expect(await notes("item")).toHaveLength(cursor - good.length);
  await store.close();
}

describe("two runners at once", () => {
  test("[I1] the older is fenced: it writes nothing more", async () => {
    const { source, desk } = oneStream({}, "reported");
    let reached = () => {};
    const reading = new Promise<void>((resolve) => (reached = resolve));
    let go = () => {};
    const gate = new Promise<void>((resolve) => (go = resolve));
    source.pages = async function* () {
      yield { changes: [put("a", { from: "old" })], cursor: 1 };
      reached();
      await gate;
      yield { changes: [put("b", { from: "old" })], cursor: 2, last: "caught-up" };
    };
    const old = desk.run("list.things");
    await reading;
    const other = new ListSource("list", "things", "reported");
    other.adds([put("a", { from: "new" })], 9);
    // The store is this process's alone, so that whoever held the lease before counts as dead.
    const second = new Desk(
      { [SPACE]: [{ source: other, streams: [clean(other.streams[0] as Stream, { collection: "things" })] }] },
      { store: desk.store },
    );
    expect(await second.run("list.things")).toMatchObject({ status: "done" });
    go();
    await expect(old).rejects.toThrow(Fenced);
    expect(await desk.records("things")).toEqual({ a: { id: "a", from: "new" } });
    expect((await second.ingest.runs(SPACE, "list.things")).map(({ status }) => status)).toEqual([
      "done",
      "interrupted",
    ]);
  });
});
