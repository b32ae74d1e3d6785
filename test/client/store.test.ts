import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, vi } from "vitest";
import { memoryStore } from "../../src/client/store/memory.ts";
import { sqliteStore } from "../../src/client/store/sqlite/index.ts";
import { clientStoreContract } from "../../src/testing/client-store-contract.ts";
import { folderOf } from "../support/folder.ts";

const path = () => join(folderOf(), "replica.db");

clientStoreContract("the client's store in memory", async () => ({ store: memoryStore() }), { describe, it, expect });

async function openSqlite() {
  const file = path();
  return { store: sqliteStore({ path: file }), reopen: async () => sqliteStore({ path: file }) };
}
clientStoreContract("the client's store on SQLite", openSqlite, { describe, it, expect });

describe("a client's store on SQLite", () => {
  it("[R1] a file that is no database is put aside, and the store begins anew", async () => {
    const file = path();
    writeFileSync(file, "this was a database once".repeat(400));
    const store = sqliteStore({ path: file });
    expect((await store.open()).damage).toContain("is damaged");
    expect(await store.notes("")).toEqual([]);
    expect(readFileSync(`${file}.damaged`, "utf8")).toContain("once");
    await store.close();
  });

  it("[R1] what can still be read of the notes survives a damaged file", async () => {
    const file = path();
    const store = sqliteStore({ path: file });
    await store.open();
    const text = "x".repeat(3_000);
    const names = Array.from({ length: 200 }, (_, i) => `pending/${String(i).padStart(4, "0")}`);
    await store.write({ notes: new Map(names.map((name) => [name, text])) });
    await store.close();
    const bytes = readFileSync(file);
    bytes.fill(0xff, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 4096);
    writeFileSync(file, bytes);
    const again = sqliteStore({ path: file });
    expect((await again.open()).damage).toBe(null);
    await expect(again.notes("pending/")).rejects.toMatchObject({ failure: "damaged" });
    await again.close();
    expect((await again.open()).damage).toContain("is damaged");
    const kept = await again.notes("pending/");
    expect(kept.length).toBeGreaterThan(150);
    expect(kept.at(-1)?.[0]).toBe("pending/0199");
    await again.close();
  });

  it("[R1] a record that is no JSON any more is damage", async () => {
    const file = path();
    const store = sqliteStore({ path: file });
    await store.open();
    await store.write({ rows: new Map([["t/1", { key: "t/1", at: 1, holders: [1], data: { id: "1" } }]]) });
    await store.close();
    const db = new DatabaseSync(file);
    db.exec("UPDATE records SET data = '{\"id'");
    db.close();
    await store.open();
    await expect(store.get(["t/1"])).rejects.toMatchObject({ name: "StoreError", failure: "damaged" });
    await store.close();
  });

  it("[R3] a second client on the same file is refused, as it would give out the same numbers", async () => {
    const file = path();
    const store = sqliteStore({ path: file });
    await store.open();
    await expect(sqliteStore({ path: file }).open()).rejects.toMatchObject({ failure: "unavailable" });
    await store.close();
  });

  it("[R5] a full disk is a clear error that changes nothing; there is room again, and it works", async () => {
    const file = path();
    const store = sqliteStore({ path: file });
    await store.open();
    await store.write({ notes: new Map([["a", 1]]) });
    await store.close();
    const small = sqliteStore({ path: file, maxBytes: statSync(file).size + 16_384 });
    await small.open();
    const big = new Map([
      ["b", "x".repeat(100_000)],
      ["a", null],
    ]);
    await expect(small.write({ notes: big })).rejects.toMatchObject({ name: "StoreError", failure: "full" });
    expect(await small.notes("")).toEqual([["a", 1]]);
    await small.write({ notes: new Map([["c", 3]]) });
    expect(await small.notes("")).toEqual([
      ["a", 1],
      ["c", 3],
    ]);
    await small.close();
  });

  it("[W10] a note is on the disk before the write resolves: synchronous is FULL, and NORMAL for what is lazy", async () => {
    const store = sqliteStore({ path: path() });
    await store.open();
    const exec = vi.spyOn(DatabaseSync.prototype, "exec");
    await store.write({ notes: new Map([["a", 1]]) });
    await store.write({ notes: new Map([["b", 1]]), lazy: true });
    const [full, , , normal] = exec.mock.calls.flat();
    exec.mockRestore();
    expect([full, normal]).toEqual(["PRAGMA synchronous = FULL", "PRAGMA synchronous = NORMAL"]);
    await store.close();
  });
});
