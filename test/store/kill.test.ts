import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { auditEnd, auditOf, auditRun } from "../../src/model/audit.ts";
import { addFingerprints, digestOf, EMPTY } from "../../src/model/fingerprint.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import type { Store } from "../../src/store/store.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { folderOf } from "../support/folder.ts";

const ROUNDS = process.env["TIDEMARK_LONG"] ? 300 : 15;
const WRITER = new URL("./writer.ts", import.meta.url).pathname;

describe("a process that is killed while it writes", () => {
  test(`[W8 R4] loses nothing that it acknowledged, in ${ROUNDS} kills`, async () => {
    const folder = join(folderOf(), "data");
    const random = seededRandom("kill");
    const acknowledged = new Map<number, string>();
    let last = 0;
    for (let round = 0; round < ROUNDS; round++) {
      for (const [revision, hash] of await killedAfter(folder, `${round}`, random.between(1, 25))) {
        acknowledged.set(revision, hash);
        last = revision;
      }
      const store = openSqliteStore({ path: folder });
      await checkWhole(store, folder, last, acknowledged);
      await store.close();
    }
    expect(last).toBeGreaterThan(ROUNDS * 5);
  }, 600_000);
});

/** Runs a writer, kills it once it has acknowledged this many commits, and gives all that it acknowledged. */
async function killedAfter(folder: string, seed: string, commits: number): Promise<Map<number, string>> {
  const writer = spawn(process.execPath, [WRITER, folder, seed], { stdio: ["ignore", "pipe", "inherit"] });
  const exit = once(writer, "exit");
  const acknowledged = new Map<number, string>();
  // The writer goes on while the line is on its way: the kill meets it anywhere in a later commit, or a cut.
  for await (const line of createInterface({ input: writer.stdout })) {
    const [revision, hash] = line.split(" ");
    acknowledged.set(Number(revision), String(hash));
    if (acknowledged.size === commits) writer.kill("SIGKILL");
  }
  const [, signal] = await exit;
  expect(signal).toBe("SIGKILL");
  return acknowledged;
}

async function checkWhole(store: Store, folder: string, last: number, acknowledged: ReadonlyMap<number, string>) {
  const snapshot = await store.read("acme", [
    { kind: "journal", after: 0, limit: 1e6 },
    { kind: "hashes", revisions: [...acknowledged.keys()] },
    { kind: "page", scope: "*", after: null, limit: 1e6, bytes: 1e9 },
    { kind: "fingerprint", scope: "*" },
    { kind: "client", author: "ann\nc-1" },
  ]);
  if (snapshot === null) throw new Error("the space is gone");
  const { head, results } = snapshot;
  const [journal, hashes, page, fingerprint, client] = results;
  expect(head.revision).toBeGreaterThanOrEqual(last);
  for (const [revision, hash] of acknowledged) {
    if (revision >= head.horizon.tombstones) expect(hashes.get(revision)).toBe(hash);
  }
  const audit = auditEnd(auditRun(auditOf(head.horizon), journal), head);
  expect([audit.finding, audit.point?.revision, audit.point?.hash]).toEqual([null, head.revision, head.hash]);
  const texts = page.runs
    .flatMap(({ records }) => JSON.parse(`[${records}]`) as object[])
    .map((r) => JSON.stringify(r));
  const digests = texts.map((text) => ({ count: 1, lanes: digestOf("items", text) }));
  expect(digests.reduce(addFingerprints, EMPTY)).toEqual(fingerprint);
  expect(client?.last).toBe(head.revision);
  const db = new DatabaseSync(join(folder, "tidemark.db"), { readOnly: true });
  expect(db.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
  db.close();
}
