import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { batchOf, put, remove, type Transaction, wantedFor } from "../../src/testing/store-batches.ts";
import { folderOf } from "../support/folder.ts";

/** Takes a database back to format 2, whose notes had no rowids. */
function toFormat2(folder: string): void {
  const db = new DatabaseSync(join(folder, "tidemark.db"));
  db.exec(`
    ALTER TABLE record DROP COLUMN erased;
    ALTER TABLE note RENAME TO note_3;
    CREATE TABLE note (space INTEGER NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (space, name)) STRICT, WITHOUT ROWID;
    INSERT INTO note SELECT space, name, text FROM note_3;
    DROP TABLE note_3;
    PRAGMA user_version = 2;
  `);
  db.close();
}

/** Takes a database back to format 1, which the second step only adds to: it is then as the first version left it. */
function toFormat1(folder: string): void {
  toFormat2(folder);
  const db = new DatabaseSync(join(folder, "tidemark.db"));
  db.exec(`
    DROP INDEX record_parent;
    ALTER TABLE record DROP COLUMN parent_collection;
    ALTER TABLE record DROP COLUMN parent_id;
    DROP INDEX scope_since;
    ALTER TABLE name DROP COLUMN since;
    PRAGMA user_version = 1;
  `);
  db.close();
}

test("[M8 P14] a database of format 1 gets its parents and the ages of its scopes, and keeps what it holds", async () => {
  const folder = folderOf();
  const transactions: Transaction[] = [
    { puts: [put("tasks", "a", { n: 1 }, ["p/2", "p/1"])] },
    { puts: [put("tasks", "b", {}, ["p/3"])] },
    { puts: [put("tasks", "a", { n: 2 }, ["p/4"]), remove("tasks", "b")] },
  ];
  const old = openSqliteStore({ path: folder });
  for (const each of transactions) await old.write("acme", wantedFor([each]), (loaded) => batchOf(loaded, [each]));
  const before = await old.read("acme", [{ kind: "row", collection: "tasks", id: "a" }]);
  const scopes = { kind: "scopes", prefix: "p/", after: 0 } as const;
  const named = (await old.read("acme", [scopes]))?.results[0];
  await old.close();
  toFormat1(folder);
  expect(() => openSqliteStore({ path: folder, readonly: true })).toThrow(/has format 1 and needs/);

  const store = openSqliteStore({ path: folder });
  expect((await store.read("acme", [{ kind: "row", collection: "tasks", id: "a" }]))?.results).toEqual(before?.results);
  expect((await store.read("acme", [scopes]))?.results[0]).toEqual(named);
  const child = [{ puts: [put("notes", "n", {}, ["p/4"], "tasks/a")] }];
  await store.write("acme", wantedFor(child), (loaded) => batchOf(loaded, child));
  await store.write("acme", wantedFor([], { families: { of: new Set(["tasks/a"]), most: 5 } }), (loaded) => {
    expect([...loaded.families]).toEqual([["tasks/a", { count: 1, loaded: true }]]);
    return batchOf(loaded, []);
  });
  await store.close();
});

test("[S10] a database of format 2 keeps its notes, in their order", async () => {
  const folder = folderOf();
  const old = openSqliteStore({ path: folder });
  const notes = new Map(["b", "a", "c".repeat(500)].map((name) => [name, name.repeat(3_000)] as const));
  await old.write("acme", wantedFor([], { create: true }), (loaded) => ({ ...batchOf(loaded, []), notes }));
  await old.close();
  toFormat2(folder);

  const store = openSqliteStore({ path: folder });
  const answer = await store.read("acme", [{ kind: "notes-between", from: "", to: "z", limit: 10 }]);
  expect(answer?.results[0]).toEqual([...notes].sort(([a], [b]) => (a < b ? -1 : 1)));
  await store.setNote("acme", "a", "again");
  expect(await store.note("acme", "a")).toBe("again");
  await store.close();
});
