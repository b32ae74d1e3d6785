import { describe, expect, it } from "vitest";
import { virtualClock } from "../../src/testing/clock.ts";
import { cursorOf, good, insert, problemIn, SPACE, TestServer, update } from "../support/server.ts";

describe("GET /v1/spaces/{space}", () => {
  it("[H2] says what revision one should have, with the horizons and a cursor", async () => {
    await using server = new TestServer();
    await server.write("c1", insert("a"));
    const head = await server.head();
    expect(head).toEqual({
      space: "acme",
      revision: 1,
      cursor: expect.any(String),
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      horizon: { journal: 0, tombstones: 0 },
    });
  });

  it("[H2] adds the fingerprint of each scope that is named", async () => {
    await using server = new TestServer();
    await server.write("c1", [insert("a", { box: 1 }), insert("b", { box: 2 })]);
    const { scopes } = await server.head("?scope=box/1&scope=*&scope=box/9");
    expect(scopes?.["box/1"]?.count).toBe(1);
    expect(scopes?.["*"]?.count).toBe(2);
    expect(scopes?.["box/9"]).toEqual({ count: 0, digest: "0".repeat(32) });
  });

  it("[H2] adds the last mutation of a client, 0 for one that it does not know", async () => {
    await using server = new TestServer();
    await server.write("c1", insert("a"));
    await server.write("c1", insert("b"));
    expect((await server.head("?client=c1")).lastMutation).toBe(2);
    expect((await server.head("?client=c2")).lastMutation).toBe(0);
  });

  it("[H2] counts how far a cursor is behind, and advises", async () => {
    await using server = new TestServer();
    await server.write("c1", [insert("a", { box: 1 }), insert("b", { box: 1 })]);
    const cursor = cursorOf(await server.pull([{ scope: "box/1" }]), "box/1");
    const ask = async (text: string) => (await server.head(`?scope=box/1&cursor=${text}`)).behind;
    expect(await ask(cursor)).toEqual({ records: 0, advice: "current" });
    await server.write("c1", update("a", { n: 1 }));
    await server.write("c1", update("a", { n: 2 }));
    expect(await ask(cursor)).toEqual({ records: 1, advice: "delta" });
    expect(await ask("nonsense")).toEqual({ records: 2, advice: "copy" });
  });

  it("[H2] answers for the last revision at or before a time", async () => {
    const clock = virtualClock();
    await using server = new TestServer({}, { clock: { ...clock, sleep: async () => undefined } });
    const start = clock.now();
    await server.write("c1", insert("a"));
    clock.jump(60_000);
    await server.write("c1", insert("b"));
    const revisionAt = async (ms: number) => (await server.head(`?at=${new Date(start + ms).toISOString()}`)).revision;
    expect(await revisionAt(-1)).toBe(0);
    expect(await revisionAt(0)).toBe(1);
    expect(await revisionAt(59_999)).toBe(1);
    expect(await revisionAt(60_000)).toBe(2);
  });

  it("[H2] [G1] does not know what was before the tombstones' horizon, and says so", async () => {
    const clock = virtualClock();
    await using server = new TestServer({}, { clock: { ...clock, sleep: async () => undefined } });
    const start = new Date(clock.now()).toISOString();
    await server.write("c1", insert("a"));
    clock.jump(60_000);
    await server.write("c1", insert("b"));
    await server.server.cutNow("acme", { journal: 0, tombstones: 0, outcomes: 0 });
    expect(await problemIn(server.request(`${SPACE}?at=${start}`))).toMatchObject({ code: "not-found" });
  });

  it.each([
    ["a time without its zone, which would be the server's", "?at=2026-01-01T00:00:00", "at"],
    ["a time with more behind it", "?at=2026-01-01%20(x)", "at"],
    ["a time with a scope", "?at=2026-01-01T00:00:00Z&scope=*", "at"],
    ["a time that is none", "?at=yesterday", "at"],
    ["a cursor without its scope", "?cursor=AQ", "cursor"],
    ["a scope against the rule of names", "?scope=a%20b", "scope"],
    ["a client against the rule of names", "?client=a%0Ab", "client"],
  ])("[H2] [M7] refuses %s", async (_, query, path) => {
    await using server = new TestServer();
    await server.write("c1", insert("a"));
    expect(await problemIn(server.request(`${SPACE}${query}`))).toMatchObject({ code: "invalid", path });
  });
});

describe("journal and history", () => {
  it("[H7] gives the raw entries, unconsolidated, with author and both sides of each atom", async () => {
    await using server = new TestServer();
    await server.write("c1", insert("a", { n: 1, m: 1 }));
    await server.write("c2", update("a", { n: 2 }));
    const { entries } = (await good(await server.request(`${SPACE}/journal?since=1`))) as { entries: object[] };
    expect(entries).toEqual([
      {
        revision: 2,
        at: expect.stringMatching(/Z$/),
        author: { user: "anyone", client: "c2", mutation: 1 },
        changes: [
          {
            collection: "items",
            id: "a",
            before: { n: 1 },
            after: { n: 2 },
            salt: expect.stringMatching(/^[0-9a-f]{32}$/),
          },
        ],
        hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    ]);
  });

  it("[H12] [H7] gives no more than the limit, across the slices it reads in", async () => {
    await using server = new TestServer();
    const mutations = Array.from({ length: 130 }, (_, i) => ({ id: i + 1, base: 0, writes: [insert(`r${i}`)] }));
    await server.push({ client: "c1", mutations });
    const revisions = async (query: string) => {
      const body = (await good(await server.request(`${SPACE}/journal${query}`))) as {
        entries: { revision: number }[];
      };
      return body.entries.map(({ revision }) => revision);
    };
    expect(await revisions("?limit=120&since=5")).toEqual(Array.from({ length: 120 }, (_, i) => i + 6));
    expect(await revisions("")).toHaveLength(100);
    expect(await revisions("?since=130")).toEqual([]);
    expect(await problemIn(server.request(`${SPACE}/journal?limit=1001`))).toMatchObject({
      code: "invalid",
      path: "limit",
    });
    expect(await problemIn(server.request(`${SPACE}/journal?since=-1`))).toMatchObject({
      code: "invalid",
      path: "since",
    });
  });

  it("[K3] shows a record at each revision, with who changed which atom", async () => {
    await using server = new TestServer();
    await server.write("c1", insert("a/b", { n: 1, m: 1 }));
    await server.write("c2", update("a/b", { n: 2, m: null }));
    await server.write("c1", { op: "delete", collection: "items", id: "a/b" });
    const { versions } = (await good(await server.request(`${SPACE}/history/items/a%2Fb`))) as { versions: object[] };
    expect(versions).toMatchObject([
      { revision: 3, author: { client: "c1", mutation: 2 }, after: null, record: null },
      {
        revision: 2,
        author: { client: "c2" },
        before: { n: 1, m: 1 },
        after: { n: 2, m: null },
        record: { id: "a/b", n: 2 },
      },
      { revision: 1, before: null, record: { id: "a/b", n: 1, m: 1 } },
    ]);
    expect(await problemIn(server.request(`${SPACE}/history/items/zzz`))).toMatchObject({ code: "not-found" });
  });
});

describe("health", () => {
  it("[H8] says that the process lives, that its store answers, and what it counted", async () => {
    await using server = new TestServer();
    expect((await server.request("/healthz")).status).toBe(200);
    expect((await server.request("/readyz")).status).toBe(200);
    await server.write("c1", insert("a"));
    const text = await (await server.request("/metrics", {}, "127.0.0.1")).text();
    expect(text).toContain("tidemark_revisions_total 1");
    expect(text).toMatch(/tidemark_requests_total\{route="POST \/v1\/spaces\/:space\/push",status="200"\} 1/);
  });

  it("[H8] is not ready once it is ending", async () => {
    const server = new TestServer();
    await server.server.close();
    expect(await problemIn(server.request("/readyz"))).toMatchObject({ status: 503, code: "unavailable" });
    expect((await server.request("/healthz")).status).toBe(200);
  });
});
