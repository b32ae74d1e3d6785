// What a client's file holds after an erasure, also where it gets a copy instead of the delta that told of it (K2, K7).
import { join } from "node:path";
import { expect, test } from "vitest";
import { sqliteStore } from "../../src/client/store/sqlite/index.ts";
import { folderOf } from "../support/folder.ts";
import { filesWith } from "../support/plain.ts";
import { good, insert, SPACE, TestServer } from "../support/server.ts";
import { clientOf, wire } from "./support.ts";

const PLAIN = "Ada Lovelace-Byron";
const LONG = `${PLAIN} ${"of London ".repeat(200)}`;

test.each(["delta", "copy"] as const)("[K7] nothing of the record is left in its file after a %s", async (how) => {
  const server = new TestServer({ collections: { items: {} } });
  await server.write("c0", [insert("ada", { name: PLAIN }), insert("bob", {}), insert("kim", { name: PLAIN })]);
  const folder = folderOf();
  const open = () =>
    clientOf({
      store: sqliteStore({ path: join(folder, "replica.db") }),
      fetch: wire(server).fetch,
      schema: { collections: { items: {} } },
    });
  const client = open();
  await client.subscribe({ scope: "*" }).ready;
  await client.mutate((tx) => tx.update("items", "ada", { name: LONG })).settled;
  await client.sync();
  await client.close();
  expect(filesWith(folder, PLAIN)).not.toEqual([]);
  for (const id of ["ada", "kim"]) await good(await server.post(`${SPACE}/erase`, { collection: "items", id }));
  await server.write("c0", insert("kim", { name: "Kim Two" }));
  if (how === "copy") await good(await server.post(`${SPACE}/cut`, { journal: "0s", tombstones: "0s" }));
  const again = open();
  await again.sync();
  expect(await again.get("items", "ada")).toBeNull();
  expect(await again.get("items", "kim")).toMatchObject({ name: "Kim Two" });
  // While it is open, too: its log has been emptied.
  expect(filesWith(folder, PLAIN)).toEqual([]);
  await again.close();
});

test("[K7] the end of a copy names what was erased in its scope, and nothing of other scopes", async () => {
  const server = new TestServer();
  await server.write("c0", [insert("ada", { box: 1 }), insert("bob", { box: 2 })]);
  for (const id of ["ada", "bob"]) await good(await server.post(`${SPACE}/erase`, { collection: "items", id }));
  const lines = await server.pull([{ scope: "box/1" }, { scope: "*", collections: ["items"] }, { scope: "box/*" }]);
  const { subscriptions } = lines.at(-1) as { subscriptions: { [key: string]: { erased?: unknown } } };
  expect(Object.values(subscriptions).map(({ erased }) => erased)).toEqual([
    [["items", "ada", 2]],
    [
      ["items", "ada", 2],
      ["items", "bob", 3],
    ],
    [
      ["items", "ada", 2],
      ["items", "bob", 3],
    ],
  ]);
});
