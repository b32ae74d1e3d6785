// A person is erased wherever there is something of her, by the real program: then every file is searched for the values (K2).
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import { expect, test } from "vitest";
import { createClient } from "../../src/client/index.ts";
import { sqliteStore } from "../../src/client/store/sqlite/index.ts";
import { folderOf } from "../support/folder.ts";
import { filesWith, namesOf } from "../support/plain.ts";
import { run, serve } from "./program.ts";

const INDEX = new URL("../../src/ingest/index.ts", import.meta.url).href;
const PLAIN = ["Ada-Lovelace-Byron", "ada.plain@example.org", "ada.wrong@example.org"];

const CONFIG = `
import { clean, files, required, trim } from ${JSON.stringify(INDEX)};
const source = files({ name: "crm", stream: "people", path: "people.csv", key: ["id"] });
const people = clean(source.streams[0], { collection: "people", normalise: { "*": trim() }, check: [required("name")] });
export default {
  ingest: { main: [{ source, streams: [people] }] },
  warehouses: { reports: { duckdb: "reports.duckdb" }, past: { parquet: "past", mode: "history" } },
};
`;

/** The files that hold a value, with what is packed in them unpacked. */
async function holding(folder: string): Promise<string[]> {
  const found = new Set(PLAIN.flatMap((text) => filesWith(folder, text)));
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  for (const path of namesOf(folder)) {
    let text = "";
    if (path.endsWith(".gz")) text = gunzipSync(readFileSync(path)).toString();
    if (path.endsWith(".parquet"))
      text = JSON.stringify((await connection.runAndReadAll(`FROM '${path}'`)).getRowObjectsJson());
    if (PLAIN.some((each) => text.includes(each))) found.add(path);
  }
  return [...found].map((path) => path.slice(folder.length + 1).replaceAll(/\d{6,}(-[0-9a-f]+)?/g, "N")).sort();
}

test("[K2 K6 K1 I6 X1 S1] erase: nothing of a person is left in any file, audit passes, and a restore changes nothing of it", async () => {
  const above = folderOf({
    "tidemark.config.ts": CONFIG,
    "people.csv": `id,name,mail\n7,${PLAIN[0]},${PLAIN[1]}\n8,Bob,bob@b.org\n`,
  });
  const tidemark = (...args: string[]) => run(args, { cwd: above });
  expect(await tidemark("ingest", "run")).toMatchObject({ code: 0 });
  writeFileSync(join(above, "people.csv"), `id,name,mail\n7,,${PLAIN[2]}\n8,Bob,bob@b.org\n`);
  await tidemark("ingest", "run");
  expect((await tidemark("quarantine", "list")).stdout).toContain("required");
  let server = await serve(above);
  const below = folderOf({
    "tidemark.config.ts": `export default ${JSON.stringify({ links: { main: { up: { url: server.url } } } })};`,
  });
  const linked = await serve(below);
  const device = folderOf();
  const open = () =>
    createClient({ url: server.url, space: "main", store: sqliteStore({ path: join(device, "replica.db") }) });
  const client = open();
  await client.subscribe({ scope: "*" });
  await client.sync();
  await client.mutate((tx) => tx.update("people", "7", { mail: `${PLAIN[1]} (checked)` })).settled;
  await client.sync();
  const warehouses = async () => {
    for (const name of ["reports", "past"]) await tidemark("warehouse", "sync", name, "--server", server.url);
  };
  await warehouses();
  const headOf = async (url: string) => JSON.parse((await run(["head", url, "--json"])).stdout).revision as number;
  while ((await headOf(linked.url)) < 2);
  const monday = join(folderOf(), "monday.db");
  expect((await tidemark("backup", "data", monday)).code).toBe(0);
  expect(await holding(device)).not.toEqual([]);
  expect((await holding(below)).length).toBeGreaterThan(0);
  expect(await holding(above)).toEqual(
    expect.arrayContaining([
      "data/ingest/crm.people/N.ndjson.gz",
      "data/tidemark.db-wal",
      "past/people/N-next.parquet",
      "people.csv",
      "reports.duckdb",
    ]),
  );

  writeFileSync(join(above, "people.csv"), "id,name,mail\n8,Bob,bob@b.org\n");
  const erased = await tidemark("erase", server.url, "people", "7");
  expect(erased).toMatchObject({ code: 0, stderr: "" });
  expect(erased.stdout).toMatch(/data +1\njournal +2\nsource records +1\nquarantine +1\nClients, links/);
  await client.sync();
  await warehouses();
  while ((await headOf(linked.url)) < 3);
  expect(await client.get("people", "7")).toBeNull();
  await client.close();
  await linked.stop();
  for (const folder of [above, below, device]) expect(await holding(folder)).toEqual([]);
  expect((await tidemark("audit", server.url)).stdout).toMatch(/holds: .* Of 3 changes that were erased/);
  expect(await run(["audit", join(below, "data")])).toMatchObject({ code: 0 });

  await server.stop();
  expect(await tidemark("restore", monday, "data", "--overwrite", "--policy", "heal")).toMatchObject({ code: 0 });
  expect(await holding(above)).toContain("data/tidemark.db");
  server = await serve(above);
  const again = open();
  await again.sync();
  await warehouses();
  expect(await again.get("people", "7")).toBeNull();
  expect(await again.get("people", "8")).toMatchObject({ name: "Bob" });
  await again.close();
  expect((await tidemark("audit", server.url)).code).toBe(0);
  await server.stop();
  for (const folder of [above, device]) expect(await holding(folder)).toEqual([]);
});

test("[K4 D7 D2] erase works on a stopped server's folder, and says where nothing was found", async () => {
  const cwd = folderOf({ "rows.json": '[{"id":"a","name":"Ada-Lovelace-Byron"}]' });
  await run(["import", "rows.json", "data", "--into", "people"], { cwd });
  const { code, stdout } = await run(["erase", "data", "people", "a", "--json"], { cwd });
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    collection: "people",
    id: "a",
    removed: [
      { place: "data", count: 1 },
      { place: "journal", count: 1 },
    ],
  });
  expect(filesWith(join(cwd, "data"), PLAIN[0] as string)).toEqual([]);
  expect(await run(["erase", "data", "people", "b"], { cwd })).toMatchObject({
    code: 1,
    stdout: expect.stringContaining("nothing was found"),
  });
});

test("[K8 I60] what was erased is let in again by ingest lift, and by nothing else", async () => {
  const csv = `id,name,mail\n7,${PLAIN[0]},${PLAIN[1]}\n8,Bob,bob@b.org\n`;
  const cwd = folderOf({ "tidemark.config.ts": CONFIG, "people.csv": csv });
  const tidemark = (...args: string[]) => run(args, { cwd });
  await tidemark("ingest", "run");
  expect(await tidemark("erase", "data", "people", "7")).toMatchObject({ code: 0 });
  const refreshed = await tidemark("ingest", "refresh");
  expect(refreshed).toMatchObject({ code: 0, stdout: expect.stringContaining("1 of what came was erased here") });
  expect(filesWith(join(cwd, "data"), PLAIN[0] as string)).toEqual([]);
  expect(await tidemark("ingest", "lift", "people/8")).toMatchObject({ code: 1 });
  expect(await tidemark("ingest", "lift", "people/7")).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("1 source records of people/7 come in again"),
  });
  await tidemark("ingest", "refresh");
  expect(filesWith(join(cwd, "data"), PLAIN[0] as string)).not.toEqual([]);
});
