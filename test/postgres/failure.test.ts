import { describe, expect, onTestFinished, test } from "vitest";
import { auditEnd, auditOf, auditRun } from "../../src/model/audit.ts";
import { openPostgresStore } from "../../src/store/postgres/index.ts";
import type { Store } from "../../src/store/store.ts";
import { batchOf, put, wantedFor } from "../../src/testing/store-batches.ts";
import { schemaUrl } from "../support/postgres.ts";
import { Proxy } from "../support/proxy.ts";

/** One record in a revision of its own. */
async function write(store: Store, id: string, atoms = {}): Promise<number | undefined> {
  const transactions = [{ puts: [put("items", id, atoms, ["red"])] }];
  const batch = await store.write("acme", wantedFor(transactions), (loaded) => batchOf(loaded, transactions));
  return batch?.entries[0]?.revision;
}

async function opened(url: string): Promise<Store> {
  const store = await openPostgresStore({ url });
  onTestFinished(() => store.close());
  return store;
}

async function proxyTo(url: string): Promise<Proxy> {
  const proxy = await Proxy.to(url);
  onTestFinished(() => proxy.close());
  return proxy;
}

describe("a connection that breaks", () => {
  test("[R5 W8 M1] at any byte of a write, what is asked or what is answered: the write is done once", async () => {
    const url = await schemaUrl();
    const proxy = await proxyTo(url);
    const store = await opened(proxy.url(url));
    const look = await opened(url);
    await write(store, "first");
    const before = { ...proxy.passed };
    await write(store, "second");
    const one = {
      asked: proxy.passed.asked - before.asked,
      answered: proxy.passed.answered - before.answered,
    };
    let writes = 2;
    for (const direction of ["asked", "answered"] as const) {
      const bytes = one[direction];
      for (let at = 0; at <= bytes; at += Math.ceil(bytes / 70)) {
        proxy.cutAfter(at, direction);
        expect(await write(store, `${direction}${at}`), `${direction} cut at ${at} of ${bytes}`).toBe(++writes);
        // What is left of a cut that came too late would hit the next one.
        proxy.cutAfter(Number.POSITIVE_INFINITY, direction);
      }
    }
    await checkWhole(look, writes);
  });
});

/** Every revision once, in a chain, each with its one record. */
async function checkWhole(store: Store, revisions: number): Promise<void> {
  const snapshot = await store.read("acme", [
    { kind: "journal", after: 0, limit: 1e6 },
    { kind: "fingerprint", scope: "red" },
  ]);
  if (snapshot === null) throw new Error("the space is gone");
  const { head, results } = snapshot;
  const audit = auditEnd(auditRun(auditOf(head.horizon), results[0]), head);
  expect([audit.finding, head.revision, results[0].length, results[1].count]).toEqual([
    null,
    ...Array(3).fill(revisions),
  ]);
}
