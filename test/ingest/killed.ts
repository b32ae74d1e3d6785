import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect } from "vitest";
import type { SourceRow } from "../../src/ingest/entities.ts";
import type { RunRow, TaskState } from "../../src/ingest/index.ts";
import type { RecordData } from "../../src/model/record.ts";
import type { Store } from "../../src/store/store.ts";
import { SPACE } from "./support.ts";

const WRITER = new URL("./writer.ts", import.meta.url).pathname;

/**
 * Kills a writer some commits after it began. Gives the last cursor that it said was committed.
 *
 * - `later`: how far its clock goes ahead, in milliseconds.
 */
export async function killedAfter(place: string, commits: number, later = 0): Promise<number> {
  const writer = spawn(process.execPath, [WRITER, place, String(later)], { stdio: ["ignore", "pipe", "inherit"] });
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

/** No row is lost, none is there twice, and cursor and data agree. */
export async function checkWhole(store: Store, acknowledged: number): Promise<void> {
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
}
