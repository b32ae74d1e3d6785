import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { folderOf } from "../support/folder.ts";
import { insert, remove, SECRET, TestServer, tokenFor, update } from "../support/server.ts";
import { journalOf, listening, present, rowsOf, sorted, stateOf, warehouseIn } from "./support.ts";

/** Asks whichever server stands there now. */
function fetchOf(now: () => TestServer): typeof fetch {
  return async (input, init) => {
    const { pathname, search } = new URL(String(input));
    const token = new Headers(init?.headers).get("authorization")?.replace("Bearer ", "");
    return await now().request(`${pathname}${search}`, { ...init, token });
  };
}

const URL_HERE = "http://localhost";

test.each(["current", "history"] as const)("[X7] %s: a server that was restored is followed anew", async (mode) => {
  const [before, after] = [new TestServer(), new TestServer()];
  onTestFinished(async () => {
    await before.server.close();
    await after.server.close();
  });
  let now = before;
  const warehouse = await warehouseIn("duckdb", { url: URL_HERE, fetch: fetchOf(() => now), mode });
  await before.write("w", insert("a", { n: 1 }));
  await before.write("w", insert("lost", { n: 2 }));
  await warehouse.sync();
  await after.write("w", insert("a", { n: 1 }));
  await after.write("w", insert("b", { n: 3 }));
  await after.write("w", update("a", { n: 4 }));
  now = after;
  expect((await warehouse.sync()).rebuilt).toEqual(["diverged"]);
  const where = mode === "current" ? present : "_valid_to IS NULL";
  expect(await rowsOf(warehouse, "items", where)).toEqual([
    { id: "a", n: 4 },
    { id: "b", n: 3 },
  ]);
});

test("[X7] current goes by a copy where the tombstones have passed it", async () => {
  const { server, url } = await listening();
  const warehouse = await warehouseIn("duckdb", { url });
  await server.write("w", [insert("a", { n: 1 }), insert("b", { n: 1 })]);
  await warehouse.sync();
  await server.write("w", remove("a"));
  await cut(server);
  expect((await warehouse.sync()).rebuilt).toEqual(["expired"]);
  expect(await rowsOf(warehouse, "items", present)).toEqual([{ id: "b", n: 1 }]);
  expect(await rowsOf(warehouse, "items", "_deleted_at IS NOT NULL")).toEqual([{ id: "a", n: 1 }]);
});

test("[X7] history begins with a copy where the journal is cut, says so, and is exact from there", async () => {
  const { server, url } = await listening();
  await server.write("w", insert("a", { n: 1 }));
  await server.write("w", update("a", { n: 2 }));
  await cut(server);
  const warehouse = await warehouseIn("duckdb", { url, mode: "history" });
  await warehouse.sync();
  await server.write("w", update("a", { n: 3 }));
  await warehouse.sync();
  const { rows } = await warehouse.query(
    "SELECT CAST(n AS int) AS n, CAST(_valid_from AS int) AS f, _exact FROM items ORDER BY _valid_from",
  );
  expect(rows).toEqual([
    { n: 2, f: 2, _exact: false },
    { n: 3, f: 3, _exact: true },
  ]);
  expect((await warehouse.verify()).differences).toEqual([]);
});

test("[X7] without permission nothing is written, and what is there stays", async () => {
  const server = new TestServer(
    { auth: { jwtSecret: SECRET }, collections: { items: {} } },
    { store: openSqliteStore({ path: join(folderOf(), "server") }) },
  );
  onTestFinished(() => server.server.close());
  server.token = await tokenFor("ann", { acme: { read: ["*"], write: ["*"], admin: true } });
  await server.write("w", insert("a", { n: 1 }));
  let token = server.token;
  const warehouse = await warehouseIn("duckdb", { url: URL_HERE, fetch: fetchOf(() => server), token: () => token });
  await warehouse.sync();
  token = await tokenFor("bob", { acme: { read: ["box/1"] } });
  await server.write("w", update("a", { n: 2 }));
  await expect(warehouse.sync()).rejects.toMatchObject({ code: "refused" });
  expect(await rowsOf(warehouse, "items", present)).toEqual([{ id: "a", n: 1 }]);
});

test("[X7] rows that somebody took from the warehouse are noticed, and copied anew", async () => {
  const { server, url } = await listening();
  const place = join(folderOf(), "w.duckdb");
  await server.write("w", [insert("a", { n: 1 }), insert("b", { n: 1 })]);
  const first = await warehouseIn("duckdb", { url }, place);
  await first.sync();
  await first.close();
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(place);
  const connection = await instance.connect();
  await connection.run("DELETE FROM items WHERE id = 'a'");
  connection.closeSync();
  instance.closeSync();
  await server.write("w", update("b", { n: 2 }));
  const again = await warehouseIn("duckdb", { url }, place);
  expect((await again.sync()).rebuilt).toEqual(["damaged"]);
  expect(await rowsOf(again, "items", present)).toEqual(sorted((await stateOf(server)).get("items")?.values() ?? []));
});

test("[X2 X6] two that work on one warehouse do not both go on", async () => {
  const { server, url } = await listening();
  await server.write("w", insert("a", { n: 1 }));
  const place = join(folderOf(), "parquet");
  const first = await warehouseIn("parquet", { url }, place);
  const second = await warehouseIn("parquet", { url }, place);
  await first.sync();
  await second.sync();
  await server.write("w", update("a", { n: 2 }));
  const results = await Promise.allSettled([first.sync(), second.sync()]);
  expect(results.map(({ status }) => status).sort()).not.toEqual(["rejected", "rejected"]);
  for (const result of results)
    if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "overtaken" });
  expect(await rowsOf(first, "items", present)).toEqual([{ id: "a", n: 2 }]);
  expect((await journalOf(server)).length).toBe(2);
});

async function cut(server: TestServer): Promise<void> {
  const response = await server.post("/v1/spaces/acme/cut", { journal: "0s", tombstones: "0s" });
  expect(response.status, await response.text()).toBe(200);
}
