import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { clean, Fenced, type Stream } from "../../src/ingest/index.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { folderOf } from "../support/folder.ts";
import { checkWhole, killedAfter } from "./killed.ts";
import { Desk, ListSource, oneStream, put, SPACE } from "./support.ts";

const ROUNDS = process.env["TIDEMARK_LONG"] ? 200 : 20;

describe("a runner that is killed", () => {
  test(`[I1] loses no row and brings none twice, and cursor and data agree, in ${ROUNDS} kills (seed ingest)`, async () => {
    const folder = join(folderOf(), "data");
    const random = seededRandom("ingest");
    let acknowledged = 0;
    for (let round = 0; round < ROUNDS; round++) {
      acknowledged = Math.max(acknowledged, await killedAfter(folder, random.between(1, 12)));
      const store = openSqliteStore({ path: folder });
      await checkWhole(store, acknowledged);
      await store.close();
    }
    expect(acknowledged).toBeGreaterThan(ROUNDS * 10);
  }, 900_000);
});

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
