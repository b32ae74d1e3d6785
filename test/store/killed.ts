import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect } from "vitest";
import { auditEnd, auditOf, auditRun } from "../../src/model/audit.ts";
import { addFingerprints, digestOf, EMPTY } from "../../src/model/fingerprint.ts";
import type { Store } from "../../src/store/store.ts";

export const WRITER = new URL("./writer.ts", import.meta.url).pathname;

/** Runs a writer, kills it once it has acknowledged this many commits, and gives all that it acknowledged. */
export async function killedAfter(where: string, seed: string, commits: number): Promise<Map<number, string>> {
  const writer = spawn(process.execPath, [WRITER, where, seed], { stdio: ["ignore", "pipe", "inherit"] });
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

/** All that was acknowledged is there, and what is there fits together. */
export async function checkWhole(store: Store, last: number, acknowledged: ReadonlyMap<number, string>): Promise<void> {
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
}
