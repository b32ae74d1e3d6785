import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { openPostgresStore } from "../../src/store/postgres/index.ts";
import type { Store } from "../../src/store/store.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { schemaUrl } from "../support/postgres.ts";
import { Proxy } from "../support/proxy.ts";
import { insert, TestServer } from "../support/server.ts";

const RACER = new URL("./racer.ts", import.meta.url).pathname;
const WRITERS = 3;
const COMMITS = process.env["TIDEMARK_LONG"] ? 1000 : 40;

test(`[M1] beside ${WRITERS} processes that write, over slow networks, no reader sees a gap, a part, or a revision that comes late`, async () => {
  const url = await schemaUrl();
  const random = seededRandom("order");
  const slow = async () => {
    const proxy = await Proxy.to(url);
    proxy.slow(() => random.below(4));
    onTestFinished(() => proxy.close());
    return proxy.url(url);
  };
  const stores: Store[] = [];
  for (const address of [url, await slow(), await slow()]) stores.push(await openPostgresStore({ url: address }));
  const [look] = stores as [Store];
  const ends: Promise<unknown[]>[] = [];
  for (let i = 0; i < WRITERS; i++) {
    const args = [RACER, await slow(), `w${i}-`, String(COMMITS)];
    ends.push(once(spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] }), "exit"));
  }
  let over = false;
  const exits = Promise.all(ends).finally(() => {
    over = true;
  });
  const seen = await Promise.all(stores.map((store) => follow(store, () => over)));
  expect((await exits).map(([code]) => code)).toEqual(Array(WRITERS).fill(0));
  const head = (await look.head("acme"))?.revision ?? 0;
  expect(head).toBeGreaterThanOrEqual(WRITERS * COMMITS);
  expect(Math.min(...seen)).toBeGreaterThan(10);
  for (const store of stores) {
    await follow(store, () => true);
    await store.close();
  }
});

const CLIENTS = 6;
const PUSHES = process.env["TIDEMARK_LONG"] ? 500 : 15;

test(`[M1] beside ${CLIENTS} clients that write to two servers, with a pause between every two statements, neither`, async () => {
  const url = await schemaUrl();
  const random = seededRandom("statements");
  const servers: TestServer[] = [];
  for (let i = 0; i < 2; i++) {
    const proxy = await Proxy.to(url);
    onTestFinished(() => proxy.close());
    proxy.slowStatements(() => random.below(3));
    const store = await openPostgresStore({ url: proxy.url(url) });
    onTestFinished(() => store.close());
    servers.push(new TestServer({ collections: { items: { scopes: () => ["red"] } } }, { store }));
  }
  const readers = [...servers.map(({ store }) => store), await openPostgresStore({ url })];
  onTestFinished(() => readers.at(-1)?.close());
  let over = false;
  const seen = readers.map((store) => follow(store, () => over));
  const clients = Array.from({ length: CLIENTS }, async (_, i) => {
    for (let id = 1; id <= PUSHES; id++) {
      const server = servers[random.below(2)] as TestServer;
      const mutations = [{ id, base: 0, writes: [insert(`c${i}-${id}`)] }];
      const { outcomes } = await server.push({ client: `c${i}`, mutations });
      expect(outcomes).toMatchObject([{ id, status: "applied" }]);
    }
  });
  await Promise.all(clients).finally(() => {
    over = true;
  });
  expect(Math.min(...(await Promise.all(seen)))).toBeGreaterThan(10);
  expect((await readers[0]?.head("acme"))?.revision).toBe(CLIENTS * PUSHES);
});

/** Reads on and on from where it stands, and gives how many revisions it came by in how many different states. */
async function follow(store: Store, over: () => boolean): Promise<number> {
  let seen = 0;
  let states = 0;
  for (let last = false; !last; ) {
    last = over();
    const snapshot = await store.read("acme", [
      { kind: "journal", after: seen, limit: 1e6 },
      { kind: "scan", scope: "red", after: seen, limit: 1e6 },
      { kind: "fingerprint", scope: "*" },
    ]);
    if (snapshot === null) continue;
    const { head, results } = snapshot;
    const expected = Array.from({ length: head.revision - seen }, (_, i) => seen + 1 + i);
    expect(results[0].map(({ revision }) => revision)).toEqual(expected);
    expect(results[1].changes.map(({ member }) => member.revision)).toEqual(expected);
    expect(results[2].count).toBe(head.revision);
    if (head.revision > seen) states++;
    seen = head.revision;
  }
  return states;
}
