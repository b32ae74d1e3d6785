// A table of PostgreSQL that is followed in the log: a real PostgreSQL, its slot and its publication.
import postgresJs from "postgres";
import { describe, expect, onTestFinished, test } from "vitest";
import { type FollowedTable, type Page, postgres, type Source } from "../../src/ingest/index.ts";
import { plain, schemaOf, schemaUrl } from "../support/postgres.ts";
import { deskOf, keysOf, read } from "./tables-support.ts";

const TASK = "shop.things";
const NOW = Date.now();

async function shop(columns = "id int PRIMARY KEY, name text, big text") {
  const address = await schemaUrl();
  const [url, schema] = [plain(address), schemaOf(address)];
  const slot = `slot_${schema}`;
  const db = postgresJs(url, { max: 2, onnotice: () => undefined });
  onTestFinished(async () => {
    await expect
      .poll(() =>
        db.unsafe(`SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '${slot}'`),
      )
      .toBeDefined();
    await db.unsafe(`DROP PUBLICATION IF EXISTS ${slot}; DROP SCHEMA IF EXISTS ${schema} CASCADE`);
    await db.end();
  });
  const sql = async (text: string) => void (await db.unsafe(text.replaceAll(/\bthings\b/g, `${schema}.things`)));
  await sql(`CREATE SCHEMA ${schema}; CREATE TABLE things (${columns})`);
  const source = (more: Partial<FollowedTable> = {}): Source => {
    const table = { table: `${schema}.things`, key: ["id"], capture: "replication", slot, ...more } as const;
    return postgres({ name: "shop", url, driver: "postgres", tables: [table] });
  };
  return { sql, source, slot, db };
}

describe("a table of PostgreSQL that is followed in its log", () => {
  test("[I51 I3] a copy, then changes, deletions and changed keys as the log tells them; nothing new reads nothing", async () => {
    const { sql, source } = await shop();
    await sql("INSERT INTO things SELECT i, 'n' || i FROM generate_series(1, 2500) i");
    const desk = deskOf(source());
    expect(await desk.run(TASK)).toMatchObject({ status: "done", kind: "complete", added: 2_500 });
    await sql(
      "UPDATE things SET name = 'B' WHERE id = 2; DELETE FROM things WHERE id = 3; UPDATE things SET id = 4001 WHERE id = 4",
    );
    await sql("INSERT INTO things VALUES (5001, 'new')");
    expect(await desk.run(TASK)).toMatchObject({
      status: "done",
      kind: "incremental",
      added: 2,
      changed: 1,
      deleted: 2,
    });
    const records = await desk.records("things");
    expect(records["2"]).toEqual({ id: "2", name: "B" });
    expect([records["3"], records["4"]]).toEqual([undefined, undefined]);
    expect(records["4001"]).toMatchObject({ name: "n4" });
    expect(await desk.run(TASK)).toMatchObject({ status: "done", read: 0 });
  });

  test("[I51 I3 I1] what was read and not stored is told again; what is stored is acknowledged by the next run alone", async () => {
    const { sql, source, db, slot } = await shop();
    const confirmed = async () => {
      const [row] = await db.unsafe(
        `SELECT confirmed_flush_lsn::text AS at FROM pg_replication_slots WHERE slot_name = '${slot}'`,
      );
      return row?.["at"];
    };
    const first = await read(source(), null, NOW);
    expect(first).toMatchObject({ error: undefined, last: "complete" });
    const begin = await confirmed();
    await sql("INSERT INTO things VALUES (1, 'a')");
    for (let i = 0; i < 2; i++) expect(keysOf(await read(source(), first.cursor, NOW))).toEqual(["put 1"]);
    expect(await confirmed()).toBe(begin);
  });

  test("[I51 I3] a large value that a change does not touch stays", async () => {
    const { sql, source } = await shop();
    await sql(
      "ALTER TABLE things ALTER big SET STORAGE EXTERNAL; INSERT INTO things VALUES (1, 'a', repeat('x', 20000))",
    );
    const first = await read(source(), null, NOW);
    await sql("UPDATE things SET name = 'b'");
    const { changes } = await read(source(), first.cursor, NOW);
    expect(changes).toMatchObject([{ op: "put", value: { id: 1, name: "b", big: "x".repeat(20_000) } }]);
  });

  test("[I51 I3 I7] TRUNCATE, and a slot that is gone, ask for a complete pass, whose deletions are judged", async () => {
    const { sql, source, db, slot } = await shop();
    await sql("INSERT INTO things SELECT i, 'n' FROM generate_series(1, 100) i");
    const { cursor } = await read(source(), null, NOW);
    await sql("TRUNCATE things");
    expect((await read(source(), cursor, NOW)).error).toMatchObject({ code: "position" });
    await expect
      .poll(() =>
        db.unsafe(`SELECT pg_drop_replication_slot('${slot}')`).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    expect((await read(source(), cursor, NOW)).error).toMatchObject({
      code: "position",
      message: expect.stringContaining("it is gone"),
    });
  });

  test("[I51 I3] what is committed while the copy reads comes with the next run, and a table without a key is told", async () => {
    const { sql, source } = await shop();
    await sql("INSERT INTO things SELECT i, 'n' FROM generate_series(1, 1500) i");
    const pages: Page[] = [];
    const context = { cursor: null, now: () => NOW, signal: new AbortController().signal, http: fetch as never };
    for await (const page of source().streams[0]?.read(context) ?? []) {
      if (pages.push(page) === 1)
        await sql("INSERT INTO things VALUES (9999, 'late'); DELETE FROM things WHERE id = 1500");
    }
    expect(pages.flatMap(({ changes }) => changes)).toHaveLength(1_500);
    const next = await read(source(), pages.at(-1)?.cursor ?? null, NOW);
    expect(keysOf(next)).toEqual(["put 9999", "delete 1500"]);
    expect((await read(source({ key: ["name"] }), null, NOW)).error).toMatchObject({
      code: "protocol",
      message: expect.stringContaining("is not unique"),
    });
  });
});
