import { describe, expect, it } from "vitest";
import { ConfigError, createServer, listen } from "../../src/server/index.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { endOf, insert, linesOf, SECRET } from "../support/server.ts";

const started = (config = {}) =>
  createServer({ store: openSqliteStore({ path: ":memory:" }), config: { collections: { items: {} }, ...config } });

const post = (url: string, path: string, body: object, signal?: AbortSignal) =>
  fetch(`${url}/v1/spaces/acme/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });

describe("listen", () => {
  it("picks a free port for 0, and answers there", async () => {
    const { url, close } = await listen(started(), { port: 0 });
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    await close();
    await expect(fetch(`${url}/readyz`)).rejects.toThrow();
  });

  it("[H16] keeps an idle connection for longer than a replica computes between two questions", async () => {
    const { url, close } = await listen(started(), { port: 0 });
    expect((await fetch(`${url}/readyz`)).headers.get("keep-alive")).toBe("timeout=65");
    await close();
  });

  it("names the cause where the port is taken", async () => {
    const { url, close } = await listen(started(), { port: 0 });
    const second = started();
    await expect(listen(second, { port: Number(new URL(url).port) })).rejects.toThrow(/is in use/);
    await second.close();
    await close();
  });

  it.each(["0.0.0.0", "::", "192.0.2.1"])("[A1] without authentication it refuses to listen on %s", async (host) => {
    const server = started();
    await expect(listen(server, { host, port: 0 })).rejects.toThrow(ConfigError);
    await server.close();
  });

  it("[A1] with authentication it listens anywhere", async () => {
    const { close } = await listen(started({ auth: { jwtSecret: SECRET } }), { host: "0.0.0.0", port: 0 });
    await close();
  });

  it("[H15] [H8] [C2] ends gracefully: who waits is answered, what runs ends, and it may be told twice", async () => {
    const server = started();
    const { url, close } = await listen(server, { port: 0 });
    await post(url, "push", { client: "c1", mutations: [{ id: 1, base: 0, writes: [insert("a")] }] });
    const cursor = endOf(await linesOf(await post(url, "pull", { subscriptions: [{ scope: "*" }] }))).subscriptions["*"]
      ?.cursor;
    const waiting = post(url, "pull", { subscriptions: [{ scope: "*", cursor }], wait: 60 });
    const pushes = Array.from({ length: 20 }, (_, i) =>
      post(url, "push", { client: `d${i}`, mutations: [{ id: 1, base: 0, writes: [insert(`d${i}`)] }] }),
    );
    await Promise.all(pushes);
    const ended = [close(), close()];
    expect(endOf(await linesOf(await waiting)).revision).toBeGreaterThan(0);
    await Promise.all(ended);
  });

  it("[W8] pushes that arrive over many connections at once share commits", async () => {
    const store = openSqliteStore({ path: ":memory:" });
    let commits = 0;
    const write = store.write.bind(store);
    store.write = (space, wanted, decide) => {
      commits++;
      return write(space, wanted, decide);
    };
    const { url, close } = await listen(createServer({ store, config: { collections: { items: {} } } }), { port: 0 });
    const push = (client: string) =>
      post(url, "push", { client, mutations: [{ id: 1, base: 0, writes: [insert(client)] }] });
    const warm = await Promise.all(Array.from({ length: 50 }, (_, i) => push(`warm${i}`)));
    await Promise.all(warm.map((response) => response.text()));
    commits = 0;
    await Promise.all(Array.from({ length: 50 }, (_, i) => push(`c${i}`)));
    expect(commits).toBeLessThan(25);
    await close();
  });

  it("stops working for a client that goes away in the middle of a copy", async () => {
    let pages = 0;
    const store = openSqliteStore({ path: ":memory:" });
    const read = store.read.bind(store);
    store.read = async (space, queries) => {
      if (queries.some(({ kind }) => kind === "page")) pages++;
      return read(space, queries);
    };
    const server = createServer({ store, config: { collections: { items: {} } } });
    const { url, close } = await listen(server, { port: 0 });
    for (let i = 0; i < 30; i++) {
      const writes = Array.from({ length: 1_000 }, (_, j) => insert(`r${i}-${j}`, { text: "x".repeat(1_000) }));
      await post(url, "push", { client: "c1", mutations: [{ id: i + 1, base: 0, writes }] });
    }
    const leaving = new AbortController();
    const response = await post(url, "pull", { subscriptions: [{ scope: "*" }] }, leaving.signal);
    await response.body?.getReader().read();
    leaving.abort();
    await close();
    expect(pages).toBeLessThan(30);
  });

  it("makes a copy at the pace of its reader", async () => {
    const store = openSqliteStore({ path: ":memory:" });
    let pages = 0;
    const read = store.read.bind(store);
    store.read = async (space, queries) => {
      if (queries.some(({ kind }) => kind === "page")) pages++;
      return read(space, queries);
    };
    const server = createServer({ store, config: { collections: { items: {} }, auth: { open: true } } });
    for (let i = 0; i < 20; i++) {
      const writes = Array.from({ length: 1_000 }, (_, j) => insert(`r${i}-${j}`));
      const body = JSON.stringify({ client: "c1", mutations: [{ id: i + 1, base: 0, writes }] });
      const headers = { "content-type": "application/json" };
      await server.handler(new Request("http://localhost/v1/spaces/acme/push", { method: "POST", headers, body }));
    }
    const request = new Request("http://localhost/v1/spaces/acme/pull", {
      method: "POST",
      headers: { "content-type": "application/json", "accept-encoding": "gzip" },
      body: '{"subscriptions":[{"scope":"*"}]}',
    });
    const reader = (await server.handler(request)).body?.getReader();
    await reader?.read();
    await reader?.read();
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(pages).toBeLessThanOrEqual(4);
    await reader?.cancel();
    await server.close();
  });
});
