import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { backup, openSqliteStore, restore } from "../../src/store/sqlite/index.ts";
import { type Store, StoreError } from "../../src/store/store.ts";
import { batchOf, put, wantedFor } from "../../src/testing/store-batches.ts";
import { failureOf } from "../../src/testing/store-trial.ts";
import { folderOf } from "../support/folder.ts";

const WRITER = new URL("./writer.ts", import.meta.url).pathname;

describe("a data folder", () => {
  test("[M1] has one writer at a time, who is told so; readers come beside it", async () => {
    const folder = join(folderOf(), "data");
    const store = openSqliteStore({ path: folder });
    await write(store, "a");
    expect(said(() => openSqliteStore({ path: folder }))).toMatch(/in use by another server/);
    const reader = openSqliteStore({ path: folder, readonly: true });
    expect((await reader.head("acme"))?.revision).toBe(1);
    expect(await failureOf(write(reader, "b"))).toBeInstanceOf(StoreError);
    await write(store, "b");
    expect((await reader.head("acme"))?.revision).toBe(2);
    await Promise.all([reader.close(), store.close()]);
    await openSqliteStore({ path: folder }).close();
  });

  test("[R4] is free again at once when the process that had it is killed", async () => {
    const folder = join(folderOf(), "data");
    const stop = await startWriter(folder);
    expect(said(() => openSqliteStore({ path: folder }))).toMatch(/in use by another server/);
    await stop();
    await openSqliteStore({ path: folder }).close();
  });

  test("[R5] that holds another program's database, or a newer one, is left alone, with a reason", async () => {
    const folder = folderOf({ "tidemark.db": "this is no database at all, but it is long enough to be looked at" });
    expect(said(() => openSqliteStore({ path: folder }))).toMatch(/not a database/);
    const foreign = folderOf();
    const other = new DatabaseSync(join(foreign, "tidemark.db"));
    other.exec("CREATE TABLE t (x)");
    expect(said(() => openSqliteStore({ path: foreign }))).toMatch(/not a Tidemark database/);
    other.close();
    const newer = folderOf();
    await openSqliteStore({ path: newer }).close();
    const db = new DatabaseSync(join(newer, "tidemark.db"));
    db.exec("PRAGMA user_version = 99");
    db.close();
    for (const readonly of [true, false]) {
      expect(said(() => openSqliteStore({ path: newer, readonly }))).toMatch(/newer Tidemark.*Update tidemark/);
    }
    expect(said(() => openSqliteStore({ path: folderOf(), readonly: true }))).toMatch(/no Tidemark database/);
  });

  test("[R5] whose database is damaged says so, and what to do", async () => {
    const folder = join(folderOf(), "data");
    const store = openSqliteStore({ path: folder });
    for (let i = 0; i < 50; i++) await write(store, `r${i}`);
    await store.close();
    const path = join(folder, "tidemark.db");
    const bytes = readFileSync(path);
    bytes.fill(0xff, 4096);
    writeFileSync(path, bytes);
    for (const readonly of [true, false]) {
      expect(said(() => openSqliteStore({ path: folder, readonly }))).toMatch(/is damaged.*restore a backup/);
    }
  });

  test("[W8] in memory there is a store without a folder", async () => {
    const store = openSqliteStore({ path: ":memory:" });
    await write(store, "a");
    expect([(await store.head("acme"))?.revision, (await store.size()) > 0]).toEqual([1, true]);
    await store.close();
    expect(existsSync(":memory:")).toBe(false);
  });
});

describe("backup and restore", () => {
  test("[R2] a backup holds one moment of a store that another process goes on writing to", async () => {
    const folder = folderOf();
    const stop = await startWriter(join(folder, "data"));
    for (const name of ["one", "two", "two"]) await backup(join(folder, "data"), join(folder, `${name}.db`));
    await stop();
    expect(readdirSync(folder).sort()).toEqual(["data", "one.db", "two.db"]);
    for (const name of ["one", "two"]) {
      await restore(join(folder, `${name}.db`), join(folder, name), "heal");
      const store = openSqliteStore({ path: join(folder, name) });
      const snapshot = await store.read("acme", [
        { kind: "fingerprint", scope: "*" },
        { kind: "ranges", scope: "*", ranges: [{ from: null, to: null }], fanout: 1, leaf: 0 },
      ]);
      expect(snapshot?.results[0]).toEqual(snapshot?.results[1][0]?.fingerprint);
      expect(snapshot?.head.revision).toBeGreaterThan(0);
      await store.close();
    }
  });

  test("[R2] a restore sets its policy in every space, and the history goes on from the backup", async () => {
    const folder = folderOf();
    const data = join(folder, "data");
    const store = openSqliteStore({ path: data });
    await write(store, "a");
    await write(store, "a", "second");
    await backup(data, join(folder, "backup.db"));
    await write(store, "lost");
    await store.close();
    expect(await failureOf(restore(join(folder, "backup.db"), data, "discard"))).toBeInstanceOf(StoreError);
    await restore(join(folder, "backup.db"), data, "discard", { overwrite: true });
    const restored = openSqliteStore({ path: data });
    for (const space of ["acme", "second"]) {
      const head = await restored.head(space);
      expect([head?.revision, head?.restore]).toEqual([1, "discard"]);
    }
    await write(restored, "b");
    expect((await restored.head("acme"))?.revision).toBe(2);
    await restored.close();
  });

  test("[R4] a restore over a store that was killed reads nothing of the log that it left", async () => {
    const folder = folderOf();
    const data = join(folder, "data");
    const store = openSqliteStore({ path: data });
    await write(store, "a");
    await backup(data, join(folder, "backup.db"));
    await store.close();
    await (await startWriter(data))();
    expect(statSync(join(data, "tidemark.db-wal")).size).toBeGreaterThan(0);
    await restore(join(folder, "backup.db"), data, "heal", { overwrite: true });
    const restored = openSqliteStore({ path: data });
    expect((await restored.head("acme"))?.revision).toBe(1);
    await restored.close();
  });

  test("[R2] nothing but a whole Tidemark database is restored, and none over a folder in use", async () => {
    const folder = folderOf({ "text.db": "words ".repeat(200), "foreign.db": "" });
    const data = join(folder, "data");
    const store = openSqliteStore({ path: data });
    for (let i = 0; i < 50; i++) await write(store, `r${i}`);
    const good = join(folder, "good.db");
    await backup(data, good);
    const bytes = readFileSync(good);
    bytes.fill(0xff, bytes.length - 3 * 4096);
    writeFileSync(join(folder, "broken.db"), bytes);
    const over = { overwrite: true };
    for (const [name, why] of [
      ["text.db", /not a database/],
      ["foreign.db", /not a Tidemark database/],
      ["broken.db", /damaged/],
      ["missing.db", /no file/],
      ["good.db", /in use by another server/],
    ] as const) {
      const failure = await failureOf(restore(join(folder, name), data, "heal", over));
      expect(failure instanceof StoreError && failure.message, name).toMatch(why);
    }
    expect((await store.head("acme"))?.revision).toBe(50);
    await store.close();
  });

  test("[A6] a backup is for its owner alone, and replaces nothing but a backup", async () => {
    const folder = folderOf({ "letter.txt": "Dear Ann, ".repeat(100) });
    const store = openSqliteStore({ path: join(folder, "data") });
    await write(store, "a");
    await backup(join(folder, "data"), join(folder, "backup.db"));
    expect(statSync(join(folder, "backup.db")).mode & 0o777).toBe(0o600);
    const text = await failureOf(backup(join(folder, "data"), join(folder, "letter.txt")));
    const self = await failureOf(backup(join(folder, "data"), join(folder, "data", "tidemark.db")));
    expect([text, self].every((failure) => failure instanceof StoreError)).toBe(true);
    expect(readFileSync(join(folder, "letter.txt"), "utf8")).toMatch(/^Dear Ann/);
    await store.close();
  });

  test("[R2] the progress of a backup is told to its end", async () => {
    const folder = folderOf();
    const store = openSqliteStore({ path: join(folder, "data") });
    for (let i = 0; i < 5; i++) await write(store, `${i}`);
    const steps: (readonly [number, number])[] = [];
    await backup(join(folder, "data"), join(folder, "b.db"), (copied, total) => steps.push([copied, total]));
    const [copied, total] = steps.at(-1) ?? [];
    expect([copied, steps.every(([some, all]) => some <= all)]).toEqual([total, true]);
    expect(total).toBeGreaterThan(0);
    await store.close();
  });
});

async function write(store: Store, id: string, space = "acme"): Promise<void> {
  const transactions = [{ puts: [put("items", id, { text: "x".repeat(500) }, ["red"])] }];
  await store.write(space, wantedFor(transactions), (loaded) => batchOf(loaded, transactions));
}

/** A process that writes to the folder, and has done so once; the answer kills it. */
async function startWriter(folder: string): Promise<() => Promise<void>> {
  const writer = spawn(process.execPath, [WRITER, folder, "writer"], { stdio: ["ignore", "pipe", "inherit"] });
  const exit = once(writer, "exit");
  onTestFinished(() => {
    writer.kill("SIGKILL");
  });
  const lines = createInterface({ input: writer.stdout });
  await Promise.race([once(lines, "line"), exit]);
  expect(writer.exitCode).toBe(null);
  return async () => {
    writer.kill("SIGKILL");
    await exit;
  };
}

function said(work: () => unknown): string {
  try {
    work();
    return "nothing";
  } catch (error) {
    return error instanceof StoreError ? error.message : `not a StoreError: ${String(error)}`;
  }
}
