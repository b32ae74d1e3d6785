import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { memoryStore } from "../../src/client/store/memory.ts";
import { sqliteStore } from "../../src/client/store/sqlite/index.ts";
import type { ClientStore } from "../../src/client/store/store.ts";
import { listen } from "../../src/server/index.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { CONFIG, freePort, serve } from "../cli/program.ts";
import { HttpCache } from "../support/cache.ts";
import { folderOf } from "../support/folder.ts";
import { insert, storeWith, TestServer, update } from "../support/server.ts";
import { clientOf, wire } from "./support.ts";

const NEWCOMERS = process.env["TIDEMARK_LONG"] ? 1_000 : 200;
const large = (i: number) => insert(`r${String(i).padStart(3, "0")}`, { text: `${i} `.padEnd(120_000, "x") });

/** A server with so many records that make a page for every 9 or so. */
async function filled(records = 60, store = openSqliteStore({ path: ":memory:" })) {
  const server = new TestServer({}, { store });
  onTestFinished(() => server.server.close());
  for (let i = 0; i < records; i += 20) {
    await server.write(
      "c0",
      Array.from({ length: 20 }, (_, j) => large(i + j)),
    );
  }
  return server;
}

type Fetch = typeof globalThis.fetch;

/** What fetches pages, and how often; `answer` may give something else than the server's. */
function watched(fetch: Fetch, answer: (response: Response, n: number) => Response | Promise<Response>) {
  const seen = { pages: 0 };
  const watching: Fetch = async (input, init) => {
    const response = await fetch(input, init);
    return new URL(String(input)).pathname.includes("/pages/") ? answer(response, ++seen.pages) : response;
  };
  return { seen, fetch: watching };
}

async function complete(options: Parameters<typeof clientOf>[0], count = 60) {
  const client = clientOf(options);
  await client.subscribe({ scope: "*" }).ready;
  await client.sync();
  expect(await client.verify()).toMatchObject({ ok: true, subscriptions: [{ count, differences: [] }] });
  return client;
}

const STORES: [string, () => ClientStore][] = [
  ["in memory", () => memoryStore()],
  ["on SQLite", () => sqliteStore({ path: join(folderOf(), "replica.db") })],
];

describe.each(STORES)("a new replica %s", (_, storeOf) => {
  it("[P17] fetches the pages of its copy, and is then like any other", async () => {
    const line = wire(await filled());
    const { seen, fetch } = watched(line.fetch as Fetch, (response) => response);
    const client = await complete({ fetch, store: storeOf() });
    expect(seen.pages).toBeGreaterThanOrEqual(3);
    expect(client.told).toEqual([]);
  });

  it.each([
    ["is tampered with", async (response: Response) => new Response((await response.text()).replace("xxx", "xxy"))],
    ["is gone", () => new Response(null, { status: 404 })],
    ["breaks off", async (response: Response) => new Response((await response.text()).slice(0, 1_000))],
    ["does not come", () => Promise.reject(new TypeError("fetch failed"))],
  ])("[P17] refuses a page that %s, and is filled all the same", async (_, spoil) => {
    const line = wire(await filled());
    for (const spoilt of [(n: number) => n === 2, () => true]) {
      const { seen, fetch } = watched(line.fetch as Fetch, (response, n) => (spoilt(n) ? spoil(response) : response));
      const client = await complete({ fetch, store: storeOf() });
      expect(seen.pages).toBeGreaterThan(1);
      expect(client.told).toEqual([]);
    }
  });
});

it("[P17] [P5] a copy that is broken off goes on behind the last page that came", async () => {
  const server = await filled();
  const path = join(folderOf(), "replica.db");
  const line = wire(server);
  const broken = watched(line.fetch as Fetch, (response, n) => {
    if (n === 2) line.up = false;
    return response;
  });
  const first = clientOf({ fetch: broken.fetch, store: sqliteStore({ path }) });
  first.subscribe({ scope: "*" }).ready.catch(() => {});
  await first.sync().catch(() => {});
  await first.close();
  line.up = true;
  await server.write("c1", update("r000", { n: 1 }));
  const rest = watched(line.fetch as Fetch, (response) => response);
  const again = await complete({ fetch: rest.fetch, store: sqliteStore({ path }) });
  expect(rest.seen.pages).toBeLessThan(broken.seen.pages);
  expect(await again.get("items", "r000")).toMatchObject({ n: 1 });
});

it("[P17] a server from before is asked for pages, and copies as it always did", async () => {
  const line = wire(await filled());
  line.pages = false;
  const { seen, fetch } = watched(line.fetch as Fetch, (response) => response);
  await complete({ fetch });
  expect(seen.pages).toBe(0);
});

it(`[P17] ${NEWCOMERS} new replicas cost the database one read of the scope`, async () => {
  const opened = openSqliteStore({ path: ":memory:" });
  let pages = 0;
  const store = storeWith(opened, {
    async read(space, queries) {
      pages += queries.filter(({ kind }) => kind === "page").length;
      return opened.read(space, queries);
    },
  });
  const server = await filled(20, store);
  await server.pull([{ scope: "*" }]);
  const once = pages;
  const listening = await listen(server.server, { port: 0 });
  onTestFinished(() => listening.close());
  const newcomer = async () => {
    const client = clientOf({ url: listening.url, live: false });
    await client.subscribe({ scope: "*" }).ready;
    const { length } = await client.query({ collection: "items" });
    await client.close();
    return length;
  };
  for (let left = NEWCOMERS; left > 0; left -= 50) {
    expect(new Set(await Promise.all(Array.from({ length: 50 }, newcomer)))).toEqual(new Set([20]));
  }
  expect(pages - once).toBe(once);
});

it("[P18] a cache before the server hands pages to later replicas, and the server is not asked for them", async () => {
  const server = await filled();
  const listening = await listen(server.server, { port: 0 });
  const cache = await HttpCache.before(listening.url);
  onTestFinished(async () => {
    cache.close();
    await listening.close();
  });
  await complete({ url: cache.url, live: false });
  const { passed } = cache.pages;
  expect(passed).toBeGreaterThanOrEqual(3);
  await Promise.all(Array.from({ length: 20 }, () => complete({ url: cache.url, live: false })));
  expect(cache.pages).toEqual({ asked: 21 * passed, passed });
  await server.write("c1", update("r030", { n: 1 }));
  cache.spoil = (body) => Buffer.from(body.toString().replace("xxx", "xxy"));
  const client = await complete({ url: cache.url, live: false });
  expect(await client.get("items", "r030")).toMatchObject({ n: 1 });
});

it("[P17] [R4] a server that is killed in the middle of a copy, and started again, is copied to the end", async () => {
  const folder = folderOf({ "tidemark.config.ts": CONFIG });
  const port = String(await freePort());
  let server = await serve(folder, ["--port", port]);
  const writer = clientOf({ url: server.url, space: "main", live: false });
  for (let i = 0; i < 60; i++) {
    writer.mutate((tx) => tx.insert("things", { id: `r${i}`, text: "x".repeat(120_000) }));
  }
  await writer.sync();
  let killed = false;
  const { seen, fetch } = watched(globalThis.fetch, async (response, n): Promise<Response> => {
    if (n !== 2) return response;
    killed = true;
    await server.stop("SIGKILL");
    server = await serve(folder, ["--port", port]);
    throw new TypeError("fetch failed");
  });
  const reader = clientOf({ url: `http://127.0.0.1:${port}`, space: "main", live: false, fetch });
  await reader.subscribe({ scope: "*" }).ready;
  expect(killed && seen.pages > 1).toBe(true);
  expect(await reader.verify()).toMatchObject({ ok: true, subscriptions: [{ count: 60 }] });
});
