import { expect, test, vi } from "vitest";
import { Connection } from "../../src/store/postgres/connection.ts";
import { placeOf } from "../../src/store/postgres/place.ts";
import { PostgresStore } from "../../src/store/postgres/postgres-store.ts";
import { Session, type Value } from "../../src/store/postgres/session.ts";
import { Listening } from "../../src/store/postgres/wake/listening.ts";
import type { OutcomeRow, Query } from "../../src/store/store.ts";
import { ANN, BOB, batchOf, put, remove, type Transaction, wantedFor } from "../../src/testing/store-batches.ts";
import { schemaOf, schemaUrl, statement, TABLES } from "../support/postgres.ts";

const RECORDS = 3_000;

const QUERIES = (scope: string): Query[] => [
  { kind: "scan", scope, after: 1, limit: 10 },
  { kind: "scan", scope, after: 0, limit: 10, collections: ["items"] },
  { kind: "behind", scope, after: 0, limit: 10, collections: ["items"] },
  { kind: "page", scope, after: "items/r100", limit: 10, bytes: 1000 },
  { kind: "ranges", scope, ranges: [{ from: "items/r10", to: "items/r11" }], fanout: 2, leaf: 1 },
  { kind: "fingerprint", scope },
  { kind: "scan", scope: ["red", "blue"], after: 1, limit: 10 },
  { kind: "scan", scope: ["few", "none"], after: 0, limit: 10 },
  { kind: "page", scope: ["red", "blue"], after: "items/r100", limit: 10, bytes: 1000 },
  { kind: "fingerprint", scope: ["odd", "blue"] },
  { kind: "scopes", prefix: "r", after: 0 },
  { kind: "scopes", prefix: "r", after: 1 },
  { kind: "hashes", revisions: [1] },
  { kind: "client", author: ANN },
  { kind: "row", collection: "items", id: "r7" },
  { kind: "journal", after: 1, limit: 10 },
  { kind: "history", collection: "items", id: "r7", limit: 10 },
  { kind: "at", time: 5 },
];

test.each(["*", "red"])(
  "[P3 P12] nothing is read in vain for the scope %s, before PostgreSQL knows its tables, or by plans of when they were empty",
  async (scope) => {
    const url = await schemaUrl();
    const place = await placeOf({ url });
    const connection = new Connection(place, 2, false);
    await connection.open();
    const store = new PostgresStore(connection, new Listening(null, async () => []));
    for (const table of ["record", "member"])
      await statement(url, `ALTER TABLE "${schemaOf(url)}".${table} SET (autovacuum_enabled = off)`);
    const ids = Array.from({ length: RECORDS }, (_, i) => i);
    const all = ids.map((i) =>
      put("items", `r${i}`, {}, ["red", i % 3 ? "blue" : "odd", ...(i % 500 === 99 ? ["few"] : [])], "items/r1"),
    );
    const some = ids.slice(0, 30).map((i) => put("items", `r${i}`, { i }, ["red"], `items/r${i - 1}`));
    for (const puts of [all, some]) {
      await store.write("acme", wantedFor([{ puts }]), (loaded) => batchOf(loaded, [{ puts }]));
    }

    const query = vi.spyOn(Session.prototype, "query");
    for (const one of QUERIES(scope)) await store.read("acme", [one]);
    await store.write(
      "acme",
      wantedFor([{ puts: some }], { families: { of: new Set(["items/r20"]), most: 5 } }),
      (loaded) => batchOf(loaded, []),
    );
    const asked = query.mock.calls.filter(([text, values = []]) => values.length > 0 && /^\s*(SELECT|WITH)/.test(text));
    query.mockRestore();
    expect(asked.length).toBeGreaterThan(20);
    for (const [text, values] of asked) {
      const lines = await planOf(connection, "EXPLAIN (ANALYZE)", text, values);
      const removed = lines.flatMap((line) => /Rows Removed by (?:Join )?Filter: (\d+)/.exec(line)?.[1] ?? []);
      expect(Math.max(0, ...removed.map(Number)), lines.join("\n")).toBeLessThan(100);
    }
    // A plan that is kept in a session was made for the tables as they were then.
    await statement(url, `TRUNCATE ${TABLES.map((table) => `"${schemaOf(url)}".${table}`)}`);
    for (const [text, values] of asked) {
      const lines = await planOf(connection, "EXPLAIN", text, values);
      expect(
        lines.filter((line) => /Join Filter: (?!\(b\.range)/.test(line)),
        lines.join("\n"),
      ).toEqual([]);
    }
    await store.close();
  },
);

/** The plan of a statement. What it would write is not kept. */
async function planOf(connection: Connection, explain: string, text: string, values: readonly Value[] = []) {
  let lines: string[] = [];
  const undone = new Error("that was all");
  const work = async (session: Session): Promise<never> => {
    const plan = await session.query<{ "QUERY PLAN": string }>(`${explain} ${text}`, values);
    lines = plan.map((row) => row["QUERY PLAN"]);
    throw undone;
  };
  await connection.write(work).catch((error: unknown) => {
    if (error !== undone) throw error;
  });
  return lines;
}

test("[G3 W6 P3] cuts and acknowledgements read no more than what there is to take, before PostgreSQL knows its tables", async () => {
  const url = await schemaUrl();
  const place = await placeOf({ url });
  const connection = new Connection(place, 2, false);
  await connection.open();
  const store = new PostgresStore(connection, new Listening(null, async () => []));
  for (const table of TABLES)
    await statement(url, `ALTER TABLE "${schemaOf(url)}".${table} SET (autovacuum_enabled = off)`);
  // Of both clients, and of records that stay, many; of those that are gone, few.
  const ids = Array.from({ length: RECORDS }, (_, i) => i + 1);
  const outcome = (author: string, id: number): OutcomeRow => {
    return { author, id, content: "ab".repeat(16), outcome: { id, status: "applied", revision: 1 }, time: 1 };
  };
  const client = (author: string, acked: number) => ({ author, last: RECORDS, acked, was: [], seen: 1 });
  const puts = ids.map((i) => put("items", `r${i}`, {}, ["red", `s${i % 7}`]));
  const outcomes = [ANN, BOB].flatMap((author) => ids.map((id) => outcome(author, id)));
  const clients = [client(ANN, 0), client(BOB, 0)];
  const gone = ids.slice(0, 40).map((i) => remove("items", `r${i}`));
  const moved = ids.slice(40, 80).map((i) => put("items", `r${i}`, {}, ["red"]));
  const write = async (transactions: readonly Transaction[], beside = {}, authors: string[] = []) => {
    const wanted = wantedFor(transactions, { authors: new Set(authors) });
    await store.write("acme", wanted, (loaded) => batchOf(loaded, transactions, beside));
  };
  await write([{ puts }], { outcomes, clients });
  await write([
    { puts: gone },
    { puts: moved },
    ...ids.slice(0, 500).map((i) => ({ puts: [put("items", `x${i}`, {})] })),
  ]);

  const query = vi.spyOn(Session.prototype, "query");
  await write([], { clients: [client(ANN, 20)] }, [ANN]);
  await store.cut("acme", { journal: 20, tombstones: 10, outcomes: 5 }, 10);
  const asked = query.mock.calls.filter(([text, values = []]) => values.length > 0 && !/pg_notify/.test(text));
  query.mockRestore();
  expect(asked.filter(([text]) => /DELETE|UPDATE/.test(text)).length).toBeGreaterThan(8);
  for (const [text, values] of asked) {
    const lines = await planOf(connection, "EXPLAIN (ANALYZE)", text, values);
    const removed = lines.flatMap((line) => /Rows Removed by (?:Join )?Filter: (\d+)/.exec(line)?.[1] ?? []);
    expect(Math.max(0, ...removed.map(Number)), lines.join("\n")).toBeLessThan(100);
    // Not even for a hash or a sort is more read than there is to cut.
    const read = lines.flatMap((line) => /Scan.*actual time.* rows=(\d+)/.exec(line)?.[1] ?? []);
    expect(Math.max(0, ...read.map(Number)), lines.join("\n")).toBeLessThan(200);
  }
  await store.close();
});
