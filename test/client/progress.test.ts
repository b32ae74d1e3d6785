import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Client, CopyProgress } from "../../src/client/index.ts";
import { sqliteStore } from "../../src/client/store/sqlite/index.ts";
import { folderOf } from "../support/folder.ts";
import { insert, linesOf, SPACE, TestServer } from "../support/server.ts";
import { begin, clientOf, copy, end, ndjson, put, Script, timed, WAYS, wire } from "./support.ts";

const RECORDS = 3_500;

async function filled(config = {}): Promise<TestServer> {
  const server = new TestServer(config);
  for (let from = 0; from < RECORDS; from += 500) await server.write("c0", items(from, 500));
  return server;
}

const items = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) =>
    insert(`r${String(from + i).padStart(6, "0")}`, { done: (from + i) % 2 === 0, text: "x".repeat(1_200) }),
  );

function upToDate(client: Client): Promise<void> {
  return new Promise((resolve) => client.on("status", ({ state }) => state === "upToDate" && resolve()));
}

/** All that is told of the copy of a subscription, each once; null: nothing is. */
function progressOf(client: Client, key = "*"): (CopyProgress | null)[] {
  const told: (CopyProgress | null)[] = [];
  client.on("status", ({ copies }) => {
    const now = copies[key] ?? null;
    const last = told.at(-1) ?? null;
    if (now?.done !== last?.done || now?.total !== last?.total) told.push(now);
  });
  return told;
}

function expectRight(told: readonly (CopyProgress | null)[], total: number): void {
  expect(told.at(-1)).toBe(null);
  const shown = told.slice(0, -1).map((each) => each as CopyProgress);
  expect(shown.length).toBeGreaterThan(2);
  expect(shown.map((each) => each.total)).toEqual(shown.map(() => total));
  const done = shown.map((each) => each.done);
  expect(done).toEqual([...new Set(done)].sort((a, b) => a - b));
  expect(done.at(-1)).toBe(total);
}

describe.each(WAYS)("over $way", ({ over }) => {
  it("[C15] a copy tells how far it has come, up to its end, and a delta tells nothing", async () => {
    const server = await filled();
    const line = wire(server);
    const client = clientOf(over(line));
    const told = progressOf(client);
    await client.subscribe({ scope: "*" }).ready;
    expectRight(told, RECORDS);
    const count = told.length;
    await server.write("c1", items(RECORDS, 900));
    await server.write("c1", items(RECORDS + 900, 900));
    await client.sync();
    expect(await client.query({ collection: "items" })).toHaveLength(RECORDS + 1_800);
    expect(told).toHaveLength(count);
    expect(client.status.copies).toEqual({});
  });
});

it("[C15] a copy that was broken off goes on from where it was, also after a restart", async () => {
  const server = await filled();
  const line = wire(server);
  line.pages = false;
  const store = () => sqliteStore({ path: join(folder, "replica.db") });
  const folder = folderOf();
  const opening = { fetch: line.fetch as typeof globalThis.fetch };
  line.cutAfter = 3_000_000;
  const first = clientOf({ ...opening, store: store() });
  const before = progressOf(first);
  first.on("status", ({ copies }) => {
    if (copies["*"] !== undefined) line.up = false;
  });
  first.subscribe({ scope: "*" }).ready.catch(() => {});
  await first.sync().catch(() => {});
  const reached = before.at(-1) as CopyProgress;
  expect(reached.done).toBeGreaterThanOrEqual(1_000);
  expect(reached.done).toBeLessThan(RECORDS);
  await first.close();

  line.cutAfter = Number.POSITIVE_INFINITY;
  const again = clientOf({ ...opening, store: store() });
  await again.sync().catch(() => {});
  expect(again.status.copies).toEqual({ "*": reached });

  const rest = progressOf(again);
  line.up = true;
  await upToDate(again);
  expect(rest[0]).toEqual(reached);
  expectRight(rest, RECORDS);
});

it("[C15] what is added and deleted during a copy makes its progress neither too great nor too small", async () => {
  const script = new Script();
  const lines = [begin(9), { ...copy("*"), total: 3 }, put(9, { id: "a" }, { id: "b" }), mark("m1")];
  const more = [put(9, { id: "c" }, { id: "d" }), mark("m2"), put(9, { id: "e" })];
  script.on("pull", ndjson(...lines, ...more, end(9, { "*": { cursor: "c9" } })));
  const { client } = timed(script);
  const told = progressOf(client);
  client.subscribe({ scope: "*" });
  await upToDate(client);
  expect(told).toEqual([{ done: 2, total: 3 }, { done: 3, total: 3 }, null]);

  const fewer = new Script();
  fewer.on("pull", ndjson(...lines, end(9, { "*": { cursor: "c9" } })));
  const other = timed(fewer).client;
  const of = progressOf(other);
  other.subscribe({ scope: "*" });
  await upToDate(other);
  expect(of).toEqual([{ done: 2, total: 3 }, { done: 3, total: 3 }, null]);
});

const mark = (cursor: string) => ({ op: "mark", key: "*", cursor }) as const;

it("[C15] a server from before tells no total", async () => {
  const script = new Script();
  const lines = [begin(9), copy("*"), put(9, { id: "a" }, { id: "b" }), mark("m1"), put(9, { id: "c" })];
  script.on("pull", ndjson(...lines, end(9, { "*": { cursor: "c9" } })));
  const { client } = timed(script);
  const told = progressOf(client);
  await client.subscribe({ scope: "*" }).ready;
  expect(told).toEqual([{ done: 2, total: null }, null]);
});

it("[C15] a filter has no total, and neither has a pattern: they would have to be counted", async () => {
  const line = wire(await filled({ collections: { items: { scopes: () => ["project/7"] } } }));
  const client = clientOf({ fetch: line.fetch as typeof globalThis.fetch });
  const filtered = progressOf(client, "open");
  const pattern = progressOf(client, "project/*");
  const one = progressOf(client, "project/7");
  const subscriptions = [
    { scope: "*", key: "open", where: { done: false } },
    { scope: "project/*" },
    { scope: "project/7", collections: ["items"] },
  ];
  await Promise.all(subscriptions.map((each) => client.subscribe(each).ready));
  await client.sync();
  expectRight(one, RECORDS);
  for (const [told, all] of [
    [filtered, RECORDS / 2],
    [pattern, RECORDS],
  ] as const) {
    expect(told.at(-1)).toBe(null);
    const shown = told.slice(0, -1) as CopyProgress[];
    expect(shown.length).toBeGreaterThan(0);
    expect(shown.every(({ done, total }) => total === null && done <= all)).toBe(true);
  }
});

it("[C15] a copy that starts over, and one that takes an old cursor's place, tell their totals, too", async () => {
  await using server = await filled();
  const { cursor } = (await server.pull([{ scope: "*" }])).flatMap((each) =>
    each.op === "end" ? (each.subscriptions["*"] ?? []) : [],
  )[0] as { cursor: string };
  const mode = async (subscription: object) =>
    (await linesOf(await server.post(`${SPACE}/pull`, { subscriptions: [subscription] }))).find(
      ({ op }) => op === "subscription",
    );
  expect(await mode({ scope: "*" })).toMatchObject({ mode: "copy", total: RECORDS });
  expect(await mode({ scope: "*", cursor })).toEqual({ op: "subscription", key: "*", mode: "delta", since: 7 });
  await server.write("c1", items(RECORDS, 1));
  await server.server.cutNow("acme", { journal: 0, tombstones: 0, outcomes: 0 });
  expect(await mode({ scope: "*", cursor })).toMatchObject({ mode: "copy", reason: "expired", total: RECORDS + 1 });
});

it("[C15] a scope that the caller may not read tells no total", async () => {
  const authorize = (_: unknown, action: object) => !("scope" in action && action.scope === "*");
  await using server = new TestServer({ auth: { authenticate: () => ({ id: "ann" }), authorize } });
  await server.write("c1", []);
  const lines = await server.pull([{ scope: "*" }, { scope: "x" }]);
  expect(lines.filter(({ op }) => op === "subscription")).toEqual([
    { op: "subscription", key: "x", mode: "copy", from: null, reason: "new", total: 0 },
  ]);
});
