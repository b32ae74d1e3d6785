import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/testing/random.ts";
import { insert, remove, update } from "../support/server.ts";
import {
  journalOf,
  KINDS,
  listening,
  placeOf,
  present,
  replayed,
  rowsOf,
  scribble,
  sorted,
  stateOf,
  warehouseIn,
} from "./support.ts";

describe.each(KINDS)("a warehouse in %s", (kind) => {
  test("[X1 X5] current holds one row a record, and marks those that are gone", async () => {
    const { server, url } = await listening();
    await server.write("w", [
      insert("a", { n: 1, text: "x", list: [1, { y: null }] }),
      insert("b", { n: 2 }),
      insert("c"),
    ]);
    const warehouse = await warehouseIn(kind, { url });
    expect(await warehouse.sync()).toMatchObject({ revision: 1, taken: 3, rebuilt: ["new"] });
    await server.write("w", [update("a", { text: null, n: 5 }), remove("b")]);
    expect(await warehouse.sync()).toMatchObject({ revision: 2, taken: 2, rebuilt: [] });
    expect(await rowsOf(warehouse, "items", present)).toEqual([{ id: "a", n: 5, list: [1, { y: null }] }, { id: "c" }]);
    expect(await rowsOf(warehouse, "items", "_deleted_at IS NOT NULL")).toEqual([{ id: "b", n: 2 }]);
    expect(await warehouse.sync()).toMatchObject({ revision: 2, taken: 0 });
  });

  test("[X1] current is what the journal replays, after many deltas", async () => {
    const seed = `current ${kind}`;
    const random = seededRandom(seed);
    const { server, url } = await listening();
    const warehouse = await warehouseIn(kind, { url });
    for (let round = 0; round < 6; round++) {
      await scribble(server, random, 20);
      await warehouse.sync();
      const items = (await stateOf(server)).get("items")?.values() ?? [];
      expect(await rowsOf(warehouse, "items", present), seed).toEqual(sorted(items));
    }
  });

  test("[X1 X5] history at 50 moments is what the journal replays to", async () => {
    const seed = `history ${kind}`;
    const random = seededRandom(seed);
    const { server, url } = await listening();
    const warehouse = await warehouseIn(kind, { url, mode: "history" });
    for (let round = 0; round < 3; round++) {
      await scribble(server, random, 40);
      await warehouse.sync();
    }
    const entries = await journalOf(server);
    for (let moment = 0; moment < 50; moment++) {
      const at = Math.floor(random.fraction() * (entries.length + 1));
      const valid = `_valid_from <= ${at} AND (_valid_to IS NULL OR _valid_to > ${at})`;
      const items = replayed(entries, at).get("items")?.values() ?? [];
      expect(await rowsOf(warehouse, "items", valid), `${seed} at ${at}`).toEqual(sorted(items));
    }
    const { rows } = await warehouse.query(
      "SELECT id, _valid_from FROM items GROUP BY id, _valid_from HAVING count(*) > 1",
    );
    expect(rows).toEqual([]);
  });

  test("[X1 X5] append holds the deltas as they came", async () => {
    const { server, url } = await listening();
    await server.write("w", [insert("a", { n: 1 }), insert("b", { n: 2 })]);
    const warehouse = await warehouseIn(kind, { url, mode: "append" });
    await warehouse.sync();
    await server.write("w", [update("a", { n: 3 }), remove("b"), insert("c", { text: "x" })]);
    await warehouse.sync();
    const { rows } = await warehouse.query(
      "SELECT id, _op, CAST(_rev AS int) AS rev, CAST(_atoms AS text) AS atoms FROM items ORDER BY _rev, id",
    );
    expect(rows).toEqual([
      { id: "a", _op: "copy", rev: 1, atoms: '["n"]' },
      { id: "b", _op: "copy", rev: 1, atoms: '["n"]' },
      { id: "a", _op: "patch", rev: 2, atoms: '["n"]' },
      { id: "b", _op: "remove", rev: 2, atoms: "[]" },
      { id: "c", _op: "put", rev: 2, atoms: '["text"]' },
    ]);
  });

  test("[X2 X6] a schema grows by columns and by wider ones, and what was there is as if it had come so", async () => {
    const { server, url } = await listening();
    await server.write("w", [insert("a", { n: 1, d: 1.5, b: true, big: 1e20, Name: "upper" }), insert("b", { n: 2 })]);
    const warehouse = await warehouseIn(kind, { url });
    await warehouse.sync();
    await server.write("w", [
      insert("c", { n: 0.5, d: "text", b: "yes", name: "lower", _rev: 7 }),
      update("b", { n: 3 }),
    ]);
    await warehouse.sync();
    const columns = (await warehouse.status())?.tables[0]?.columns.map(
      ({ atom, name, type }) => `${atom} ${name} ${type}`,
    );
    expect(columns?.sort()).toEqual([
      "Name Name text",
      "_rev _rev_2 bigint",
      "b b text",
      "big big double",
      "d d text",
      "n n double",
      "name name_2 text",
    ]);
    expect(await rowsOf(warehouse, "items", present)).toEqual([
      { id: "a", n: 1, d: "1.5", b: "true", big: 1e20, Name: "upper" },
      { id: "b", n: 3 },
      { id: "c", n: 0.5, d: "text", b: "yes", name: "lower", _rev: 7 },
    ]);
    expect(await warehouse.verify()).toMatchObject({ differences: [], compared: 3 });
  });

  test("[X2 X6] what fits in no column pauses that table only, and a refresh takes it in", async () => {
    const { server, url } = await listening();
    const person = (id: string, atoms: object) =>
      ({ op: "insert", collection: "people", record: { id, ...atoms } }) as const;
    await server.write("w", [insert("a", { note: "text" }), person("p", { age: 1 })]);
    const warehouse = await warehouseIn(kind, { url });
    await warehouse.sync();
    await server.write("w", [
      insert("b", { note: "more" }),
      insert("c", { note: { rich: true } }),
      person("q", { age: 2 }),
    ]);
    const report = await warehouse.sync();
    expect(report.paused).toEqual({ items: { atom: "note", from: "text", to: "json", id: "c" } });
    expect(await rowsOf(warehouse, "items", present)).toEqual([{ id: "a", note: "text" }]);
    expect(await rowsOf(warehouse, "people", present)).toEqual([
      { id: "p", age: 1 },
      { id: "q", age: 2 },
    ]);
    expect(await warehouse.refresh(["items"])).toMatchObject({ paused: {}, rebuilt: ["refresh"] });
    const notes = await rowsOf(warehouse, "items", present);
    expect(notes).toEqual([
      { id: "a", note: "text" },
      { id: "b", note: "more" },
      { id: "c", note: { rich: true } },
    ]);
    await server.write("w", update("a", { note: 5 }));
    await warehouse.sync();
    expect((await rowsOf(warehouse, "items", present))[0]).toEqual({ id: "a", note: 5 });
  });

  test("[X2 X6] a refresh swaps in a new generation, and keeps the one before until the next", async () => {
    const { server, url } = await listening();
    await server.write("w", [insert("a", { n: 1 }), insert("b", { n: 2 })]);
    const warehouse = await warehouseIn(kind, { url });
    await warehouse.sync();
    await server.write("w", remove("b"));
    await warehouse.sync();
    await server.write("w", update("a", { n: 9 }));
    await warehouse.refresh();
    expect(await rowsOf(warehouse, "items", present)).toEqual([{ id: "a", n: 9 }]);
    expect(await rowsOf(warehouse, "items", "_deleted_at IS NOT NULL")).toEqual([{ id: "b", n: 2 }]);
    const { rows } = await warehouse.query(`SELECT id, CAST(n AS int) AS n FROM "items$old" ORDER BY id`);
    expect(rows).toEqual([
      { id: "a", n: 1 },
      { id: "b", n: 2 },
    ]);
    await warehouse.refresh();
    expect((await warehouse.query(`SELECT CAST(n AS int) AS n FROM "items$old" WHERE id = 'a'`)).rows).toEqual([
      { n: 9 },
    ]);
  });

  test.each(["current", "history"] as const)(
    "[X4 X10] verify names what differs in %s, and changes nothing",
    async (mode) => {
      const { server, url } = await listening();
      await server.write(
        "w",
        ["a", "b", "c"].map((id) => insert(id, { n: 1, text: id })),
      );
      const place = await placeOf(kind);
      const warehouse = await warehouseIn(kind, { url, mode }, place);
      await warehouse.sync();
      expect(await warehouse.verify()).toMatchObject({ revision: 1, compared: 3, differences: [] });
      await plant(kind, place, warehouse);
      const again = await warehouseIn(kind, { url, mode }, place);
      const expected = [
        { collection: "items", id: "b", what: "different", columns: ["text"] },
        { collection: "items", id: "c", what: "missing", columns: [] },
        { collection: "items", id: "x", what: "extra", columns: [] },
      ];
      expect((await again.verify()).differences).toEqual(expected);
      expect((await again.verify()).differences).toEqual(expected);
    },
  );

  test("[X4 X10] verify takes a record that is gone for neither missing nor extra, and append cannot be compared", async () => {
    const { server, url } = await listening();
    await server.write("w", [insert("a", { n: 1 }), insert("b", { n: 2 })]);
    const warehouse = await warehouseIn(kind, { url });
    await warehouse.sync();
    // The server's pages of a copy are those of the first sync, and say what has changed since behind them.
    await server.write("w", [remove("b"), insert("c", { n: 3 })]);
    expect(await warehouse.verify()).toMatchObject({ revision: 2, compared: 2, differences: [] });
    const append = await warehouseIn(kind, { url, mode: "append" });
    await expect(append.verify()).rejects.toMatchObject({ code: "invalid" });
  });
});

async function plant(kind: string, place: string, warehouse: { close(): Promise<void> }): Promise<void> {
  const sql = "UPDATE items SET text = 'other' WHERE id = 'b'; UPDATE items SET id = 'x' WHERE id = 'c'";
  await warehouse.close();
  if (kind === "postgres") {
    const { default: postgres } = await import("postgres");
    const { plain, schemaOf } = await import("../support/postgres.ts");
    const client = postgres(plain(place), { max: 1, connection: { search_path: schemaOf(place) } });
    await client.unsafe(sql);
    return await client.end();
  }
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(kind === "duckdb" ? place : ":memory:");
  const connection = await instance.connect();
  if (kind === "duckdb") await connection.run(sql);
  else {
    const { readdirSync } = await import("node:fs");
    const file = `${place}/items/${readdirSync(`${place}/items`)[0]}`;
    await connection.run(`CREATE TABLE items AS SELECT * FROM read_parquet('${file}')`);
    await connection.run(sql);
    await connection.run(`COPY items TO '${file}' (FORMAT parquet)`);
  }
  connection.closeSync();
  instance.closeSync();
}
