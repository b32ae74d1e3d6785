import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openWarehouse, type Treatments } from "../../src/warehouse/index.ts";
import { folderOf } from "../support/folder.ts";
import { listening, present, rowsOf, sinkOf, warehouseIn } from "./support.ts";

const KEY = "a key of this warehouse, for its tests";
const person = (id: string, atoms: object) =>
  ({ op: "insert", collection: "people", record: { id, ...atoms } }) as const;

test("[X3 X9] what is tagged leaves as its tag says, and what is not stays", async () => {
  const { server, url } = await listening();
  await server.write("w", [
    person("ann@x.org", { email: "ann@x.org", name: "Ann", city: "Bonn", ssn: "123", secret: "s" }),
    person("bob@x.org", { email: "ann@x.org", city: null }),
  ]);
  const atoms: Treatments = { people: { id: "hash", email: "hash", name: "mask", city: "plain", ssn: "omit" } };
  const warehouse = await warehouseIn("duckdb", { url, atoms, key: KEY });
  await warehouse.sync();
  const rows = await rowsOf(warehouse, "people", present);
  const [a, b] = rows;
  expect(rows.map((row) => Object.keys(row).sort())).toContainEqual(["city", "email", "id", "name"]);
  expect(rows.map(({ name }) => name).sort()).toEqual(["***", undefined]);
  expect(a?.email).toMatch(/^[0-9a-f]{32}$/);
  expect(b?.email).toBe(a?.email);
  expect(rows.map(({ id }) => id)).toContain(a?.email);
  expect((await warehouse.status())?.untagged).toEqual({ people: ["secret"] });
  expect((await warehouse.verify()).differences).toEqual([]);
});

test("[X3 X9] an atom that is tagged later comes with all its values, and one that is taken back goes with all of them", async () => {
  const { server, url } = await listening();
  await server.write("w", person("a", { email: "plain@x.org", city: "Bonn" }));
  const place = join(folderOf(), "parquet");
  const open = (atoms: Treatments) =>
    openWarehouse({ url, space: "acme", sink: sinkOf("parquet", place), atoms, key: KEY });
  const grep = () =>
    readdirSync(place, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .some((entry) => readFileSync(join(entry.parentPath, entry.name)).includes("plain@x.org"));
  for (const [tag, plain] of [
    ["omit", false],
    ["plain", true],
    ["hash", false],
  ] as const) {
    const warehouse = open({ people: { email: tag, city: "plain" } });
    await warehouse.sync();
    // The manifest before may still be read; one commit later nobody does.
    await server.write("w", { op: "update", collection: "people", record: { id: "a", city: tag } });
    await warehouse.sync();
    await server.write("w", { op: "update", collection: "people", record: { id: "a", city: `${tag}2` } });
    await warehouse.sync();
    await warehouse.close();
    expect(grep(), tag).toBe(plain);
  }
});

test("[X3 X9] a hash needs a key, another key hashes otherwise, and an id is never masked", async () => {
  const { server, url } = await listening();
  await server.write("w", person("a", { email: "x" }));
  const atoms: Treatments = { people: { email: "hash" } };
  await expect(warehouseIn("duckdb", { url, atoms })).rejects.toMatchObject({ code: "invalid" });
  await expect(warehouseIn("duckdb", { url, atoms: { people: { id: "mask" } } })).rejects.toMatchObject({
    code: "invalid",
  });
  const hashes = await Promise.all(
    [KEY, `${KEY}!`].map(async (key) => {
      const warehouse = await warehouseIn("duckdb", { url, atoms, key });
      await warehouse.sync();
      return (await rowsOf(warehouse, "people", present))[0]?.email;
    }),
  );
  expect(new Set(hashes).size).toBe(2);
});
