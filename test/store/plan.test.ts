import { expect, test, vi } from "vitest";
import { Connection } from "../../src/store/sqlite/connection.ts";
import { SqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import type { Query } from "../../src/store/store.ts";
import { ANN, batchOf, put, wantedFor } from "../../src/testing/store-batches.ts";
import { folderOf } from "../support/folder.ts";

const QUERIES = (scope: string): Query[] => [
  { kind: "scan", scope, after: 0, limit: 1 },
  { kind: "scan", scope, after: 0, limit: 1, collections: ["items"] },
  { kind: "behind", scope, after: 0, limit: 10, collections: ["items"] },
  { kind: "page", scope, after: null, limit: 10, bytes: 1000 },
  { kind: "ranges", scope, ranges: [{ from: null, to: "items/b" }], fanout: 2, leaf: 1 },
  { kind: "fingerprint", scope },
  { kind: "scan", scope: [scope, "blue"], after: 0, limit: 1 },
  { kind: "page", scope: [scope, "blue"], after: null, limit: 10, bytes: 1000 },
  { kind: "scopes", prefix: "r", after: 0 },
  { kind: "scopes", prefix: "r", after: 1 },
  { kind: "hashes", revisions: [1] },
  { kind: "client", author: ANN },
  { kind: "row", collection: "items", id: "a" },
  { kind: "journal", after: 0, limit: 10 },
  { kind: "history", collection: "items", id: "a", limit: 10 },
  { kind: "at", time: 5 },
];

test.each(["*", "red"])("[P3 P12] every query of the scope %s is answered by an index, in its order", async (scope) => {
  const connection = Connection.writer(folderOf());
  const store = new SqliteStore(connection);
  const transactions = [{ puts: ["a", "b", "c"].map((id) => put("items", id, {}, ["red"])) }];
  await store.write("acme", wantedFor(transactions), (loaded) => batchOf(loaded, transactions));
  const asked = (["one", "all", "iterate"] as const).map((method) => vi.spyOn(connection, method));
  for (const query of QUERIES(scope)) await store.read("acme", [query]);
  await store.cut("acme", { journal: 1, tombstones: 1, outcomes: 1 }, 10);
  const statements = new Set(asked.flatMap(({ mock }) => mock.calls.map(([sql]) => sql)));
  expect(statements.size).toBeGreaterThan(15);
  for (const sql of statements) {
    const plan = connection.db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[];
    const slow = plan
      .map(({ detail }) => detail)
      .filter((step) => /^SCAN (?!json_each|\(subquery|CONSTANT)|TEMP B-TREE/.test(step));
    expect(slow, sql).toEqual([]);
  }
  await store.close();
});
