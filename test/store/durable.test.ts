import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { Connection } from "../../src/store/sqlite/connection.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { SqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { type Store, StoreError } from "../../src/store/store.ts";
import { batchOf, put, wantedFor } from "../../src/testing/store-batches.ts";
import { failureOf } from "../../src/testing/store-trial.ts";
import { folderOf } from "../support/folder.ts";
import { skipUnless } from "../support/skip.ts";

const WRITER = new URL("./writer.ts", import.meta.url).pathname;

describe("what is acknowledged is on the disk", () => {
  test("[W8] the writing connection syncs every commit, in WAL mode", () => {
    const connection = Connection.writer(folderOf());
    const { synchronous } = connection.one<{ synchronous: number }>("PRAGMA synchronous") ?? {};
    const { journal_mode } = connection.one<{ journal_mode: string }>("PRAGMA journal_mode") ?? {};
    expect([synchronous, journal_mode]).toEqual([2, "wal"]);
    connection.close();
  });

  skipUnless(canTrace(), "needs strace")("[W8] each answer comes after a sync of what was written for it", () => {
    const folder = folderOf();
    const trace = join(folder, "trace");
    const calls = "trace=pwrite64,write,fsync,fdatasync";
    const writer = [process.execPath, WRITER, join(folder, "data"), "seed", "5"];
    execFileSync("strace", ["-f", "-y", "-s", "100", "-e", calls, "-o", trace, ...writer], { stdio: "ignore" });
    const steps = readFileSync(trace, "utf8")
      .split("\n")
      .flatMap((line) => {
        if (/pwrite64\(\d+<[^>]*-wal>/.test(line)) return ["written"];
        if (/f(data)?sync\(\d+<[^>]*-wal>/.test(line)) return ["synced"];
        return /write\(1<[^>]*>, "\d+ [0-9a-f]{64}/.test(line) ? ["answered"] : [];
      });
    const answers = steps.flatMap((step, at) => (step === "answered" ? [at] : []));
    expect(answers.length).toBe(5);
    for (const at of answers) expect(steps[at - 1], "what comes right before an answer").toBe("synced");
    expect(steps.slice(0, answers[0])).toContain("written");
  });
});

describe("a full disk", () => {
  test("[R5] is said, reads go on, nothing is lost, and writing goes on when there is room again", async () => {
    const connection = Connection.writer(folderOf());
    const store = new SqliteStore(connection);
    await fill(store, 0, 1);
    const pages = connection.one<{ page_count: number }>("PRAGMA page_count")?.page_count ?? 0;
    connection.db.exec(`PRAGMA max_page_count = ${pages + 20}`);
    const settled = await fillUp(store);
    connection.db.exec("PRAGMA max_page_count = 1000000");
    await fill(store, settled, settled + 10);
    expect((await store.head("acme"))?.revision).toBe(settled + 10);
    await store.close();
  });

  skipUnless(canMount(), "needs root")("[R5] the same on a file system that is really full", async () => {
    const mount = folderOf();
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", mount]);
    onTestFinished(() => {
      execFileSync("umount", [mount]);
    });
    const store = openSqliteStore({ path: join(mount, "data") });
    await fill(store, 0, 1);
    const settled = await fillUp(store);
    execFileSync("mount", ["-o", "remount,size=64m", mount]);
    await fill(store, settled, settled + 10);
    await store.close();
    const again = openSqliteStore({ path: join(mount, "data"), readonly: true });
    expect((await again.head("acme"))?.revision).toBe(settled + 10);
    await again.close();
  });
});

describe("a data folder", () => {
  test("[A6] is for its owner alone", async () => {
    const folder = join(folderOf(), "data");
    const store = openSqliteStore({ path: folder });
    await fill(store, 0, 1);
    const modes = [folder, join(folder, "tidemark.db"), join(folder, "tidemark.db-wal"), join(folder, "lock.db")].map(
      (path) => statSync(path).mode & 0o777,
    );
    expect(modes).toEqual([0o700, 0o600, 0o600, 0o600]);
    await store.close();
  });
});

/** Adds records of 4 kB, each in a commit of its own. */
async function fill(store: Store, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) {
    const transactions = [{ puts: [put("items", `i${i}`, { text: "x".repeat(4000) })] }];
    await store.write("acme", wantedFor(transactions), (loaded) => batchOf(loaded, transactions));
  }
}

/** Fills until there is no room, tries again in vain, and checks that all that was written is there to be read. */
async function fillUp(store: Store): Promise<number> {
  const failure = await failureOf(fill(store, 1, 5000));
  expect(failure).toBeInstanceOf(StoreError);
  expect((failure as StoreError).failure).toBe("full");
  expect((failure as StoreError).message).toMatch(/free some disk space/);
  const settled = (await store.head("acme"))?.revision ?? 0;
  expect(settled).toBeGreaterThan(1);
  expect(((await failureOf(fill(store, settled, settled + 1))) as StoreError).failure).toBe("full");
  const snapshot = await store.read("acme", [
    { kind: "fingerprint", scope: "*" },
    { kind: "page", scope: "*", after: null, limit: 5000, bytes: 1e9 },
  ]);
  expect([snapshot?.results[0].count, snapshot?.results[1].runs[0]?.count]).toEqual([settled, settled]);
  return settled;
}

function canTrace(): boolean {
  return spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0;
}

function canMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  const probe = mkdtempSync(join(tmpdir(), "tidemark-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", probe]).status === 0;
  if (mounted) spawnSync("umount", [probe]);
  rmSync(probe, { recursive: true });
  return mounted;
}
