// Tables of SQLite and of PostgreSQL, by cursor or whole: one reader, so the same cases for each.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import postgresJs from "postgres";
import { describe, expect, onTestFinished, test } from "vitest";
import { postgres, type SqlTable, sqlite } from "../../src/ingest/index.ts";
import { folderOf } from "../support/folder.ts";
import { plain, schemaUrl } from "../support/postgres.ts";
import { deskOf, elsewhere, type Kind, keysOf, read, streamOf, TASK } from "./tables-support.ts";

const MINUTE = 60_000;
const NOW = Date.now();
const ago = (minutes: number) => NOW - minutes * MINUTE;
const CURSOR: Partial<SqlTable> = { cursor: "at" };

describe.each(["SQLite", "SQLite in WAL mode", "PostgreSQL"] as Kind[])("a table of %s", (kind) => {
  /** Rows 1 to n with one time. */
  const rows = (n: number, time: string, from = 1) =>
    kind === "PostgreSQL"
      ? `INSERT INTO things SELECT i, 'n' || i, ${time} FROM generate_series(${from}, ${n}) i`
      : `WITH RECURSIVE s(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM s WHERE i < ${n})
         INSERT INTO things SELECT i, 'n' || i, ${time} FROM s`;

  test("[I50 I3 I2] by cursor: all at first, then what has changed; a deletion is seen by a complete pass", async () => {
    const shop = await elsewhere(kind);
    await shop.sql(rows(5, shop.time(ago(60))));
    const desk = deskOf(shop.source(CURSOR));
    expect(await desk.run(TASK)).toMatchObject({ status: "done", kind: "complete", read: 5, added: 5 });
    expect(await desk.run(TASK)).toMatchObject({ status: "done", kind: "incremental", read: 0 });
    await shop.sql(`UPDATE things SET name = 'B', at = ${shop.time(ago(50))} WHERE id = 2`);
    await shop.sql("DELETE FROM things WHERE id = 3");
    expect(await desk.run(TASK)).toMatchObject({ read: 1, changed: 1, deleted: 0 });
    expect(await desk.run(TASK, { do: "refresh" })).toMatchObject({ kind: "complete", read: 4, deleted: 1 });
    expect(Object.keys(await desk.records("things"))).toEqual(["1", "2", "4", "5"]);
    expect((await desk.records("things"))["2"]).toMatchObject({ name: "B" });
  });

  test("[I50 I3] without a cursor: whole each time, and what is not there any more goes", async () => {
    const shop = await elsewhere(kind);
    await shop.sql(rows(2_500, "NULL"));
    const desk = deskOf(shop.source({}));
    expect(await desk.run(TASK)).toMatchObject({ kind: "complete", read: 2_500, added: 2_500 });
    await shop.sql("DELETE FROM things WHERE id = 1000; UPDATE things SET name = 'x' WHERE id = 2001");
    expect(await desk.run(TASK)).toMatchObject({ kind: "complete", deleted: 1, changed: 1, unchanged: 2_498 });
  });

  test("[I50 I3 I2] ties at the ends of pages: none is lost, and none comes twice", async () => {
    const shop = await elsewhere(kind);
    for (let i = 0; i < 3; i++) await shop.sql(rows(900 * (i + 1), shop.time(ago(90 - i)), 900 * i + 1));
    const first = await read(shop.source(CURSOR), null, NOW);
    expect(first).toMatchObject({ error: undefined, last: "complete" });
    expect(new Set(keysOf(first)).size).toBe(2_700);
    await shop.sql(rows(2_800, shop.time(ago(88)), 2_701));
    const second = await read(shop.source(CURSOR), first.cursor, NOW);
    expect(keysOf(second)).toHaveLength(100);
    expect(second.last).toBe("caught-up");
  });

  test("[I50 I3 I14] 100,000 rows of one time: none is lost, nor one that comes to them", async () => {
    const shop = await elsewhere(kind);
    await shop.sql(`CREATE INDEX by_time ON things (at, id); ${rows(100_000, shop.time(ago(60)))}`);
    const first = await read(shop.source(CURSOR), null, NOW);
    expect(new Set(keysOf(first)).size).toBe(100_000);
    expect(JSON.stringify(first.cursor).length).toBeLessThan(200);
    await shop.sql(rows(100_001, shop.time(ago(60)), 100_001));
    expect(keysOf(await read(shop.source(CURSOR), first.cursor, NOW))).toContain("put 100001");
  });

  test("[I50 I3 I2] rows without a value are given each time, make no revision, and move no mark", async () => {
    const shop = await elsewhere(kind);
    await shop.sql(`${rows(2, "NULL")}; ${rows(3, shop.time(ago(60)), 3)}`);
    const desk = deskOf(shop.source(CURSOR));
    expect(await desk.run(TASK)).toMatchObject({ added: 3 });
    const before = await desk.revision();
    await shop.sql("UPDATE things SET name = 'now' WHERE id = 1");
    expect(await desk.run(TASK)).toMatchObject({ read: 2, changed: 1, unchanged: 1 });
    expect(await desk.revision()).toBe(before + 1);
    await shop.sql(`UPDATE things SET at = ${shop.time(ago(10))} WHERE id = 2`);
    expect(await desk.run(TASK)).toMatchObject({ read: 2, changed: 1 });
  });

  test("[I50 I3 I2] rows that come late, and a stamp of a clock that ran ahead, hide nothing", async () => {
    const shop = await elsewhere(kind);
    await shop.sql(`${rows(1, shop.time(ago(60)))}; ${rows(2, shop.time(ago(-60)), 2)}`);
    const first = await read(shop.source(CURSOR), null, NOW);
    expect(keysOf(first)).toEqual(["put 1", "put 2"]);
    await shop.sql(rows(3, shop.time(Date.now() - MINUTE), 3));
    const second = await read(shop.source(CURSOR), first.cursor, NOW);
    expect(keysOf(second)).toEqual(["put 3"]);
    await shop.sql(rows(4, shop.time(Date.now() - MINUTE), 4));
    expect(keysOf(await read(shop.source(CURSOR), second.cursor, NOW))).toEqual(["put 4"]);
  });

  test("[I50 I3 I2] a clock that goes back asks for a complete pass", async () => {
    const shop = await elsewhere(kind);
    await shop.sql(rows(1, shop.time(ago(60))));
    const { cursor } = await read(shop.source(CURSOR), null, NOW);
    const later = { ...(cursor as object), began: NOW + 60 * MINUTE };
    expect((await read(shop.source(CURSOR), later as never, NOW)).error).toMatchObject({ code: "position" });
    const within = { ...(cursor as object), began: NOW + 4 * MINUTE };
    expect(await read(shop.source(CURSOR), within as never, NOW)).toMatchObject({ error: undefined, changes: [] });
  });

  test("[I50 I3] rows that change while a pass reads are not lost, and none is taken for deleted", async () => {
    const shop = await elsewhere(kind);
    await shop.sql(rows(3_000, shop.time(ago(60))));
    const source = shop.source(CURSOR);
    const found = new Set<string>();
    let cursor = null as never;
    let pages = 0;
    const context = { cursor: null, now: () => NOW, signal: new AbortController().signal, http: fetch as never };
    for await (const page of streamOf(source).read(context)) {
      for (const change of page.changes) if (change.op === "put") found.add(change.key.join());
      cursor = page.cursor as never;
      if (++pages === 1)
        await shop.sql(`UPDATE things SET name = 'moved', at = ${shop.time(ago(10))} WHERE id IN (5, 2500)`);
    }
    expect(found.size).toBe(3_000);
    const next = await read(source, cursor, NOW);
    const moved = next.changes.filter((change) => change.op === "put" && change.value["name"] === "moved");
    // What a snapshot did not show comes with the next run; page by page it came with the first.
    expect(moved).toHaveLength(kind === "SQLite" ? 0 : 2);
  });

  test("[I50 I3] a column that marks what is deleted, numbers as a cursor, and only the columns that are named", async () => {
    const shop = await elsewhere(kind, "id int PRIMARY KEY, name text, secret text, version int, gone int");
    await shop.sql("INSERT INTO things VALUES (1, 'a', 's', 1, NULL), (2, 'b', 's', 2, NULL), (3, 'c', 's', 3, 0)");
    const table = { cursor: "version", columns: ["name"], deleted: "gone" };
    const desk = deskOf(shop.source(table), { shape: ({ gone: _, ...rest }) => rest });
    expect(streamOf(shop.source(table)).deletes).toBe("reported");
    await desk.run(TASK);
    expect((await desk.records("things"))["1"]).toEqual({ id: "1", name: "a", version: 1 });
    await shop.sql("UPDATE things SET gone = 1, version = 4 WHERE id = 2");
    expect(await desk.run(TASK)).toMatchObject({ kind: "incremental", read: 1, deleted: 1 });
  });

  test("[I50 I3] a key of several columns, and whole numbers that no double holds, keep their order", async () => {
    const shop = await elsewhere(kind, "a text NOT NULL, b bigint NOT NULL, n bigint, PRIMARY KEY (a, b)");
    const big = 9_007_199_254_740_993n;
    await shop.sql(`INSERT INTO things VALUES ('x', ${big}, 5), ('x', 2, ${big}), ('y,z', 1, ${big + 1n})`);
    const source = shop.source({ key: ["a", "b"], cursor: "n" });
    const first = await read(source, null, NOW);
    expect(keysOf(first)).toEqual([`put x,${big}`, "put x,2", "put y,z,1"]);
    await shop.sql(`INSERT INTO things VALUES ('x', 3, ${big + 2n}), ('x', 4, ${big - 1n})`);
    expect(keysOf(await read(source, first.cursor, NOW))).toEqual(["put x,3"]);
  });

  test("[I50 I3 I4] a window reads its part, its end excluded, and leaves the cursor alone", async () => {
    const shop = await elsewhere(kind);
    for (const [id, minutes] of [60, 50, 40].entries()) await shop.sql(rows(id + 1, shop.time(ago(minutes)), id + 1));
    const window = { from: new Date(ago(50)).toISOString(), to: new Date(ago(40)).toISOString() };
    const part = await read(shop.source(CURSOR), { mark: null }, NOW, window);
    expect(part).toMatchObject({ cursor: { mark: null }, last: "caught-up", error: undefined });
    expect(keysOf(part)).toEqual(["put 2"]);
    const none = await read(shop.source({ cursor: "id" }), null, NOW, window);
    expect(String(none.error)).toContain("id is no time");
  });

  test("[I50 I3 I7] a table that suddenly has 5 % of its rows is held, and nothing is deleted", async () => {
    const shop = await elsewhere(kind);
    await shop.sql(rows(1_000, "NULL"));
    const desk = deskOf(shop.source({}));
    await desk.run(TASK);
    await shop.sql("DELETE FROM things WHERE id > 50");
    expect(await desk.run(TASK)).toMatchObject({ status: "held", deleted: 0 });
    expect(Object.keys(await desk.records("things"))).toHaveLength(1_000);
  });

  test("[I50 I3 I6] a row without its key is in quarantine; a table or column that is not there is told", async () => {
    const shop = await elsewhere(kind, "id text, name text, at TIME");
    await shop.sql("INSERT INTO things VALUES ('1', 'a', NULL), (NULL, 'b', NULL), ('', 'c', NULL)");
    const desk = deskOf(shop.source({}));
    expect(await desk.run(TASK)).toMatchObject({ added: 1, rejected: 2 });
    expect(await desk.items(TASK)).toMatchObject([
      { code: "unreadable", message: expect.stringContaining("the column id is empty") },
      { code: "unreadable" },
    ]);
    const wrong = await read(shop.source({ cursor: "changed" }), null, NOW);
    expect(wrong.error).toMatchObject({
      code: "protocol",
      message: expect.stringMatching(/has no column changed: it has id/),
    });
    const none = await read(shop.source({ table: "public.nothing" }), null, NOW);
    expect(none.error).toMatchObject({
      code: "protocol",
      message: expect.stringContaining("has no table public.nothing"),
    });
    await expect(shop.source({ table: "nothing" }).check({} as never)).rejects.toThrow();
  });
});

describe("a file of SQLite", () => {
  const source = (path: string, table: Partial<SqlTable> = {}) =>
    sqlite({ name: "shop", path, tables: [{ table: "things", key: ["id"], ...table }] });

  test("[I50 I3] values: whole numbers, doubles, texts, bytes, NULL", async () => {
    const shop = await elsewhere("SQLite", "id integer PRIMARY KEY, a, b, c, d, e");
    await shop.sql("INSERT INTO things VALUES (1, 9007199254740993, 1.5, 'ü', x'00ff', NULL)");
    const { changes } = await read(shop.source({}), null, NOW);
    expect(changes).toMatchObject([
      { position: "things#1", value: { id: 1, a: "9007199254740993", b: 1.5, c: "ü", d: "AP8=", e: null } },
    ]);
  });

  test("[I50 I3] unix times as a cursor are times where their unit is said", async () => {
    const shop = await elsewhere("SQLite", "id integer PRIMARY KEY, name text, at integer");
    await shop.sql(`INSERT INTO things VALUES (1, 'a', ${ago(60)}), (2, 'b', ${ago(-600)})`);
    const table = { cursor: { column: "at", unit: "milliseconds" } } as const;
    const first = await read(shop.source(table), null, NOW);
    await shop.sql(`INSERT INTO things VALUES (3, 'late', ${ago(1)})`);
    expect(keysOf(await read(shop.source(table), first.cursor, NOW))).toEqual(["put 3"]);
  });

  test("[I50 I3] that is none, is not there, or is locked, is told, and deletes nothing", async () => {
    const folder = folderOf();
    writeFileSync(join(folder, "text.db"), "this is no database, as anybody can see who reads it");
    expect((await read(source(join(folder, "text.db")), null, NOW)).error).toMatchObject({
      code: "protocol",
      message: expect.stringContaining("it is no SQLite database"),
    });
    expect((await read(source(join(folder, "none.db")), null, NOW)).error).toMatchObject({ code: "unreachable" });
  });
});

describe("a table of PostgreSQL", () => {
  test("[I50 I3] a transaction that commits late is found, however long it takes", async () => {
    const shop = await elsewhere("PostgreSQL", "id int PRIMARY KEY, name text, n int");
    const other = postgresJs(plain(await schemaUrl()), { max: 1 });
    onTestFinished(() => other.end());
    await shop.sql("INSERT INTO things VALUES (1, 'a', 1)");
    const source = shop.source({ cursor: "n" });
    let { cursor } = await read(source, null, NOW);
    let commit: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => {
      commit = resolve;
    });
    let began: () => void = () => undefined;
    const open = new Promise<void>((resolve) => {
      began = resolve;
    });
    const late = other.begin(async (sql) => {
      await sql.unsafe(`INSERT INTO ${shop.things} VALUES (2, 'late', 2)`);
      began();
      await waiting;
    });
    await open;
    await shop.sql("INSERT INTO things VALUES (3, 'c', 3)");
    for (let i = 0; i < 2; i++) {
      const seen = await read(source, cursor, NOW);
      expect(keysOf(seen)).toEqual(i === 0 ? ["put 3"] : []);
      cursor = seen.cursor;
    }
    commit();
    await late;
    expect(keysOf(await read(source, cursor, NOW))).toEqual(["put 2"]);
  });

  test("[I50 I3] a wrong password is `denied`, is told without it, and deletes nothing", async () => {
    const shop = await elsewhere("PostgreSQL");
    const address = new URL(plain(await schemaUrl()));
    await shop.sql("CREATE ROLE tidemark_reader LOGIN PASSWORD 'right'").catch(() => undefined);
    address.username = "tidemark_reader";
    address.password = "wrong-secret";
    const source = postgres({
      name: "shop",
      url: address.href,
      tables: [{ name: "things", table: "things", key: ["id"] }],
    });
    const { error, pages } = await read(source, null, NOW);
    expect(pages).toEqual([]);
    expect(error).toMatchObject({ code: "denied" });
    expect(String(error)).not.toContain("wrong-secret");
    const nowhere = postgres({
      name: "shop",
      url: "postgres://x@127.0.0.1:9/x",
      tables: [{ table: "t", key: ["id"] }],
    });
    expect((await read(nowhere, null, NOW)).error).toMatchObject({ code: "unreachable" });
  });

  test("[I50 I3] is read with the driver pg as well", async () => {
    const shop = await elsewhere("PostgreSQL");
    await shop.sql("INSERT INTO things SELECT i, 'n', now() - interval '1 hour' FROM generate_series(1, 1500) i");
    const first = await read(shop.source(CURSOR, { driver: "pg" }), null, NOW);
    expect(keysOf(first)).toHaveLength(1_500);
    expect(await read(shop.source(CURSOR, { driver: "pg" }), first.cursor, NOW)).toMatchObject({
      changes: [],
      last: "caught-up",
    });
  });

  test("[I50 I3 T1] values are those of adopted tables", async () => {
    const shop = await elsewhere(
      "PostgreSQL",
      "id uuid PRIMARY KEY, n int8, b boolean, t timestamptz, j jsonb, a text[], x bytea",
    );
    await shop.sql(
      `INSERT INTO things VALUES ('7a3f0000-0000-0000-0000-000000000001', 9007199254740993, true, '2026-01-02 03:04:05.6+02', '{"a":[1]}', '{x,NULL}', '\\x00ff')`,
    );
    const { changes } = await read(shop.source({}), null, NOW);
    expect(changes).toMatchObject([
      {
        key: ["7a3f0000-0000-0000-0000-000000000001"],
        value: {
          n: "9007199254740993",
          b: true,
          t: "2026-01-02T01:04:05.6Z",
          j: { a: [1] },
          a: ["x", null],
          x: "AP8=",
        },
      },
    ]);
  });
});
