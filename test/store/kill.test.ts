import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { folderOf } from "../support/folder.ts";
import { checkWhole, killedAfter } from "./killed.ts";

const ROUNDS = process.env["TIDEMARK_LONG"] ? 300 : 15;

describe("a process that is killed while it writes", () => {
  test(`[W8 R4] loses nothing that it acknowledged, in ${ROUNDS} kills`, async () => {
    const folder = join(folderOf(), "data");
    const random = seededRandom("kill");
    const acknowledged = new Map<number, string>();
    let last = 0;
    for (let round = 0; round < ROUNDS; round++) {
      for (const [revision, hash] of await killedAfter(folder, `${round}`, random.between(1, 25))) {
        acknowledged.set(revision, hash);
        last = revision;
      }
      const store = openSqliteStore({ path: folder });
      await checkWhole(store, last, acknowledged);
      await store.close();
      const db = new DatabaseSync(join(folder, "tidemark.db"), { readOnly: true });
      expect(db.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
      db.close();
    }
    expect(last).toBeGreaterThan(ROUNDS * 5);
  }, 600_000);
});
