import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { moveToPostgres } from "../../src/store/move/move.ts";
import { MOVED } from "../../src/store/move/source.ts";
import { TABLES } from "../../src/store/move/tables.ts";
import { openPostgresStore } from "../../src/store/postgres/index.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import type { Store } from "../../src/store/store.ts";
import { CONFIG, Running, run, serve } from "../cli/program.ts";
import { clientOf } from "../client/support.ts";
import { type Shelf, sqliteShelf } from "../oracle/place.ts";
import { oracleRun, type Tally } from "../oracle/run.ts";
import { folderOf } from "../support/folder.ts";
import { schemaUrl } from "../support/postgres.ts";
import { insert, TestServer, update } from "../support/server.ts";
import { postgresShelf } from "./shelf.ts";

const SEEDS = process.env["TIDEMARK_LONG"] ? 100 : 2;
const KILLS = process.env["TIDEMARK_LONG"] ? 40 : 5;

/** Stores begin in a folder; at the second opening each has been moved into a database. */
async function movingShelf(): Promise<Shelf & { readonly moves: () => number }> {
  const folders = sqliteShelf();
  const databases = await postgresShelf();
  const opened = new Set<string>();
  const moved = new Set<string>();
  return {
    moves: () => moved.size,
    async open(name) {
      if (!opened.has(name)) {
        opened.add(name);
        return folders.open(name);
      }
      if (!moved.has(name)) {
        await moveToPostgres(folders.pathOf(name), { url: databases.urlOf(name) });
        moved.add(name);
      }
      return databases.open(name);
    },
    async copy(from, to) {
      if (!moved.has(from)) return folders.copy(from, to);
      await databases.copy(from, to);
      opened.add(to);
      moved.add(to);
    },
    async end() {
      await folders.end();
      await databases.end();
    },
  };
}

test(`[D17] [P1] what was moved answers every delta, copy and push as the oracle does, ${SEEDS} seeds`, async () => {
  const total: Tally = {};
  let moves = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const shelf = await movingShelf();
    const tally = await oracleRun(`move ${seed}`, 120, shelf);
    moves += shelf.moves();
    for (const [what, times] of Object.entries(tally)) total[what] = (total[what] ?? 0) + times;
  }
  expect(moves).toBeGreaterThan(SEEDS);
  for (const what of ["deltas", "restores", "cuts", "fingerprints"]) expect(total[what] ?? 0, what).toBeGreaterThan(0);
}, 600_000);

test("[D17] [S1] atoms keep who wrote them on another server", async () => {
  const folder = folderOf();
  const url = await schemaUrl();
  const origin = { server: "acme@there", revision: 7, user: "cem", client: "tablet", mutation: 3 };
  {
    await using server = new TestServer({}, { store: openSqliteStore({ path: folder }) });
    await server.write("c1", [insert("a", { n: 1, m: 1 })], { origin });
    await server.write("c2", [update("a", { m: 2 })]);
  }
  await moveToPostgres(folder, { url });
  const store = await openPostgresStore({ url });
  const answer = await store.read("acme", [{ kind: "row", collection: "items", id: "a" }]);
  const stamps = answer?.results[0]?.stamps;
  expect(stamps?.get("n")).toMatchObject({ revision: 1, author: "anyone\nc1", origin });
  expect(stamps?.get("m")).toEqual({ revision: 2, author: "anyone\nc2" });
  await store.close();
});

test("[D17] every table of a folder is moved", () => {
  const folder = folderOf();
  void openSqliteStore({ path: folder }).close();
  const db = new DatabaseSync(join(folder, "tidemark.db"), { readOnly: true });
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
  const columns = (table: string) => db.prepare(`SELECT name FROM pragma_table_info('${table}')`).all();
  expect(tables.map(({ name }) => name)).toEqual(TABLES.map(({ name, from }) => from ?? name).sort());
  for (const { name, from, columns: moved } of TABLES.filter(({ from }) => from === undefined)) {
    const names = columns(from ?? name).map((column) => column["name"]);
    expect(moved.map((column) => column.name).sort(), name).toEqual(
      names.filter((each) => name !== "space" || each !== "id").sort(),
    );
  }
  db.close();
});

/** A folder with a space whose journal, outcomes and notes say something. */
async function filled(records = 3): Promise<string> {
  const folder = folderOf();
  const store = openSqliteStore({ path: folder });
  await using server = new TestServer({}, { store });
  for (let from = 0; from < records; from += 500) {
    const some = Math.min(500, records - from);
    await server.write(
      "c1",
      Array.from({ length: some }, (_, i) => insert(`r${from + i}`, { box: i % 3, text: 'ä\u0000"\\{}' })),
    );
  }
  await server.write("c2", update("r1", { box: 7 }));
  await server.write("c2", update("gone", { box: 1 }));
  await store.setNote("acme", "mine", '{"text":"\\u0000"}');
  return folder;
}

async function answers(store: Store) {
  const found = await store.read("acme", [
    { kind: "journal", after: 0, limit: 100 },
    { kind: "history", collection: "items", id: "r1", limit: 10 },
    { kind: "page", scope: "*", after: null, limit: 10_000, bytes: 10_000_000 },
    { kind: "scopes", prefix: "", after: 0 },
    { kind: "fingerprint", scope: "box/7" },
    { kind: "notes-between", from: "", to: "~", limit: 100 },
  ]);
  await store.close();
  // Rows of one driver have no prototype.
  return structuredClone(found);
}

test("[D17] journal, history, scopes, fingerprints and notes are the same in the database", async () => {
  const folder = await filled();
  const before = await answers(openSqliteStore({ path: folder, readonly: true }));
  const url = await schemaUrl();
  const moved = await moveToPostgres(folder, { url });
  expect(moved).toMatchObject({ spaces: 1, before: false, rows: { space: 1, record: 3, entry: 2 } });
  expect(await answers(await openPostgresStore({ url }))).toEqual(before);
});

test("[D17] [K2] orders of erasure bind the database, too", async () => {
  const folder = await filled();
  const order = { order: "o1", space: "acme", collection: "items", id: "r1", time: 1, author: "ann\nerase" };
  const before = openSqliteStore({ path: folder });
  await before.order(order);
  await before.close();
  const url = await schemaUrl();
  await moveToPostgres(folder, { url });
  const store = await openPostgresStore({ url });
  expect(await store.orders()).toEqual([order]);
  await store.close();
});

describe("tidemark move", () => {
  test("[D17] clients go on where they were, and what waited is applied once", async () => {
    const cwd = folderOf({ "tidemark.config.ts": CONFIG });
    let server = await serve(cwd);
    const client = clientOf({ url: server.url, space: "main", live: false });
    await client.mutate((tx) => tx.insert("things", { id: "a", n: 1 })).settled;
    await client.subscribe({ scope: "*" }).ready;
    await server.stop();
    const port = new URL(server.url).port;
    client.mutate((tx) => tx.update("things", "a", { n: 2 }));
    const url = await schemaUrl();
    const { code, stdout } = await run(["move", "data", url], { cwd });
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/record +1\n[^]*Its database is data\/tidemark\.moved\.db now\./),
    ]);
    expect(readdirSync(join(cwd, "data"))).not.toContain("tidemark.db");
    server = await serve(cwd, ["--data", url, "--port", port]);
    await client.sync();
    expect(await client.get("things", "a")).toMatchObject({ n: 2 });
    expect(await client.verify()).toMatchObject({ ok: true });
    expect(client.told.map(({ event }) => event)).not.toContain("recovered");
    expect((await run(["audit", url], { cwd })).code).toBe(0);
  });

  test("[D17] refuses a folder that a server has, a database with spaces, and what is neither; all stay as they are", async () => {
    const cwd = folderOf({ "tidemark.config.ts": CONFIG, "1.json": '[{"id":"a"}]' });
    const url = await schemaUrl();
    const server = await serve(cwd);
    await run(["import", "1.json", server.url, "--into", "things"], { cwd });
    const said = async (...args: string[]) => (await run(["move", ...args], { cwd })).stderr;
    expect(await said("data", url)).toMatch(/data is in use by another server/);
    await server.stop();
    const other = await filled();
    await moveToPostgres(other, { url });
    expect(await said("data", url)).toMatch(/holds spaces already, and nothing is moved over them/);
    expect(existsSync(join(cwd, "data", "tidemark.db"))).toBe(true);
    expect(await said(other, url)).toMatch(/was moved before: what was in it is tidemark\.moved\.db now/);
    expect(await said("nowhere", url)).toMatch(/There is no Tidemark database in nowhere/);
    expect(await said("data", "data2")).toMatch(/What is moved to is a database of PostgreSQL/);
    expect(await said(url, url)).toMatch(/use pg_dump and pg_restore/);
  });

  test(`[D17] killed at any moment, ${KILLS} times, the database has all or nothing, and the next move ends it`, async () => {
    const folder = await filled(20_000);
    const url = await schemaUrl();
    await (await openPostgresStore({ url })).close();
    for (let kill = 1; kill <= KILLS; kill++) {
      const moving = new Running(["move", folder, url]);
      await sleep((1_500 / KILLS) * kill);
      moving.child.kill("SIGKILL");
      await moving.ended;
      const store = await openPostgresStore({ url });
      const [head, there] = [await store.head("acme"), existsSync(join(folder, "tidemark.db"))];
      await store.close();
      if (head === null) expect(there).toBe(true);
      else expect(head.revision).toBe(41);
      if (!there) break;
    }
    if (existsSync(join(folder, "tidemark.db"))) expect((await run(["move", folder, url])).code).toBe(0);
    expect(existsSync(join(folder, MOVED))).toBe(true);
    expect(await answers(await openPostgresStore({ url }))).toMatchObject({ head: { revision: 41 } });
  }, 120_000);

  test("[D17] a move that was killed between its commit and the folder's new name is ended by the next", async () => {
    const folder = await filled();
    const url = await schemaUrl();
    await moveToPostgres(folder, { url });
    const { renameSync } = await import("node:fs");
    renameSync(join(folder, MOVED), join(folder, "tidemark.db"));
    expect((await run(["move", folder, url])).stdout).toMatch(/had been moved before/);
    expect(existsSync(join(folder, "tidemark.db"))).toBe(false);
  });
});
