import postgres from "postgres";
import { expect, test, vi } from "vitest";
import { openPostgresStore } from "../../src/store/postgres/index.ts";
import { Session } from "../../src/store/postgres/session.ts";
import type { ClientRow, OutcomeRow } from "../../src/store/store.ts";
import { ANN, batchOf, put, wantedFor } from "../../src/testing/store-batches.ts";
import { plain, schemaOf, schemaUrl, statement } from "../support/postgres.ts";

const OUTCOMES = 3_000;

test("[W6] what a client acknowledges is found by its key, also before PostgreSQL knows the table", async () => {
  const url = await schemaUrl();
  const store = await openPostgresStore({ url });
  await statement(url, `ALTER TABLE "${schemaOf(url)}".outcome SET (autovacuum_enabled = off)`);
  const outcomes = Array.from({ length: OUTCOMES }, (_, i) => outcomeOf(i + 1));
  await store.write("acme", wantedFor([{ puts: [put("items", "a", {})] }]), (loaded) =>
    batchOf(loaded, [{ puts: [put("items", "a", {})] }], { clients: [clientOf(OUTCOMES - 3)], outcomes }),
  );

  const query = vi.spyOn(Session.prototype, "query");
  await store.write("acme", wantedFor([], { authors: new Set([ANN]) }), (loaded) =>
    batchOf(loaded, [], { clients: [clientOf(OUTCOMES - 1)] }),
  );
  const [text, values] = query.mock.calls.find(([one]) => one.includes("UPDATE outcome")) ?? [];
  query.mockRestore();
  await store.close();

  const sql = postgres(plain(url), { max: 1, connection: { search_path: schemaOf(url) } });
  const lines = await sql.unsafe(`EXPLAIN ${text}`, values as string[]);
  await sql.end();
  const plan = lines.map((line) => String(line["QUERY PLAN"])).join("\n");
  expect(plan).toMatch(/Index Cond: .*author = b\.author.*id > b\.before/);
  expect(plan).not.toContain("Join Filter");
  const acked = await statement(url, `SELECT id FROM "${schemaOf(url)}".outcome WHERE acked = 7 ORDER BY id`);
  expect(acked).toEqual([OUTCOMES - 2, OUTCOMES - 1].map((id) => ({ id: String(id) })));
});

function outcomeOf(id: number): OutcomeRow {
  return { author: ANN, id, content: "c0".repeat(32), outcome: { id, status: "applied", revision: 1 }, time: 1 };
}

function clientOf(acked: number): ClientRow {
  return { author: ANN, last: OUTCOMES, acked, was: [], seen: acked === OUTCOMES - 3 ? 5 : 7 };
}
