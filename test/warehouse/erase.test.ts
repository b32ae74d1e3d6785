// An erasure reaches warehouses: their tables, the generation before, and their files (K2).
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { describe, expect, test } from "vitest";
import { filesWith } from "../support/plain.ts";
import { statement } from "../support/postgres.ts";
import { good } from "../support/server.ts";
import { KINDS, type Kind, listening, placeOf, rowsOf, warehouseIn } from "./support.ts";

const PLAIN = "Ada-Lovelace-Byron";

/** Everything that a warehouse's files, or its schema, hold, as text: also what no query of its tables shows. */
async function everything(kind: Kind, place: string): Promise<string> {
  if (kind === "postgres") {
    const schema = new URL(place).searchParams.get("schema");
    const tables = await statement<{ name: string }>(
      place,
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = '${schema}'`,
    );
    const all = [];
    for (const { name } of tables) all.push(await statement(place, `SELECT t::text FROM "${schema}"."${name}" t`));
    return JSON.stringify(all);
  }
  if (kind === "duckdb") return filesWith(dirname(place), PLAIN).length > 0 ? PLAIN : "";
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  let text = filesWith(place, PLAIN).join();
  for (const entry of readdirSync(place, { recursive: true, withFileTypes: true })) {
    if (!entry.name.endsWith(".parquet")) continue;
    const path = join(entry.parentPath, entry.name);
    text += JSON.stringify((await connection.runAndReadAll(`SELECT * FROM '${path}'`)).getRowObjectsJson());
  }
  return text;
}

const put = (op: "insert" | "update", id: string, atoms: object) => {
  return { op, collection: "items", record: { id, ...atoms } } as never;
};

describe.each(KINDS)("a warehouse in %s", (kind) => {
  test.each(["current", "history", "append"] as const)(
    "[K2 K6 X3] (%s) holds no value of an erased record, in no file and no generation",
    async (mode) => {
      const { server, url } = await listening();
      const place = await placeOf(kind);
      const warehouse = await warehouseIn(kind, { url, mode }, place);
      await server.write("c1", [
        put("insert", "ada", { name: PLAIN, n: 1 }),
        put("insert", "bob", { name: "Bob", n: 2 }),
      ]);
      await warehouse.sync();
      await server.write("c1", put("update", "ada", { name: `${PLAIN} II` }));
      await warehouse.sync();
      if (mode !== "append") await warehouse.refresh();
      await server.write("c1", put("update", "ada", { name: `${PLAIN} III` }));
      await warehouse.sync();
      await warehouse.close();
      expect(await everything(kind, place)).toContain(PLAIN);

      await good(await server.post("/v1/spaces/acme/erase", { collection: "items", id: "ada" }));
      const again = await warehouseIn(kind, { url, mode }, place);
      await again.sync();
      const left = await rowsOf(again, "items", "id = 'ada'");
      expect(left.length).toBeGreaterThan(0);
      expect(left.every((row) => Object.keys(row).join() === "id")).toBe(true);
      expect((await rowsOf(again, "items", "id = 'bob'")).at(-1)).toEqual({ id: "bob", name: "Bob", n: 2 });
      if (mode !== "append") expect((await again.verify()).differences).toEqual([]);
      await server.write("c1", put("insert", "ada", { name: "Ada Two" }));
      await again.sync();
      expect(await rowsOf(again, "items", "id = 'ada' AND name IS NOT NULL")).toEqual([{ id: "ada", name: "Ada Two" }]);
      await again.close();
      expect(await everything(kind, place)).not.toContain(PLAIN);
    },
  );

  test("[K2 X7] history that begins after an erasure has no version of what was erased", async () => {
    const { server, url } = await listening();
    await server.write("c1", [put("insert", "ada", { name: PLAIN }), put("insert", "bob", { name: "Bob" })]);
    await good(await server.post("/v1/spaces/acme/erase", { collection: "items", id: "ada" }));
    const warehouse = await warehouseIn(kind, { url, mode: "history" });
    await warehouse.sync();
    expect(await rowsOf(warehouse, "items", "true")).toEqual([{ id: "bob", name: "Bob" }]);
  });
});
