import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { batchOf, put, remove, type Transaction, wantedFor } from "../../src/testing/store-batches.ts";
import { folderOf } from "../support/folder.ts";

/** Takes a database back to format 1, which the second step only adds to: it is then as the first version left it. */
function toFormat1(folder: string): void {
  const db = new DatabaseSync(join(folder, "tidemark.db"));
  db.exec(`
    ALTER TABLE record DROP COLUMN erased;
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
