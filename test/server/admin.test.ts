// What administrators look at: spaces, scopes, records, the store, replicas, what was lost, and a shortened journal.
import { createClient } from "tidemark/client";
import { memoryStore } from "tidemark/client/memory";
import { describe, expect, it } from "vitest";
import type {
  LostResponse,
  RecordsResponse,
  ReplicasResponse,
  ScopesResponse,
  SpacesResponse,
  StoreResponse,
} from "../../src/wire/admin.ts";
import type { JournalResponse } from "../../src/wire/journal.ts";
import { STILL } from "../support/clock.ts";
import { LiveServer } from "../support/live.ts";
import { good, insert, problemIn, remove, SECRET, SPACE, TestServer, tokenFor, update } from "../support/server.ts";

async function ask<T>(server: TestServer, path: string, token?: string): Promise<T> {
  return (await good(await server.request(path, { token }))) as T;
}

describe("spaces", () => {
  it("[Y1] are those that the caller administers, and no word of others", async () => {
    await using server = new TestServer({ auth: { jwtSecret: SECRET } });
    const root = await tokenFor("root", { "*": { read: ["*"], write: ["*"], admin: true } });
    await server.write("c1", insert("a"), {}, { token: root });
    await server.post("/v1/spaces/other/push", push(1, "x"), { token: root });
    const names = async (token: string) => {
      const { spaces, server: whole } = await ask<SpacesResponse>(server, "/v1/spaces", token);
      return [spaces.map(({ space, revision }) => `${space} ${revision}`), whole];
    };
    expect(await names(root)).toEqual([["acme 1", "other 1"], true]);
    expect(await names(await tokenFor("ann", { other: { admin: true } }))).toEqual([["other 1"], false]);
    const reader = await tokenFor("ben", { acme: { read: ["*"], write: ["*"] } });
    expect(await problemIn(server.request("/v1/spaces", { token: reader }))).toMatchObject({ code: "forbidden" });
  });
});

function push(id: number, record: string) {
  return { client: "c1", mutations: [{ id, base: 0, writes: [insert(record)] }] };
}

describe("scopes", () => {
  it("[Y2] come by name, page by page, with the fingerprints that a head tells, the whole space first", async () => {
    await using server = new TestServer();
    await server.write("c1", [insert("a", { box: 1 }), insert("b", { box: 1 }), insert("c", { box: 2 })]);
    await server.write("c1", insert("d", { box: 10 }));
    const all = await ask<ScopesResponse>(server, `${SPACE}/scopes`);
    expect(all.scopes.map(({ scope, count, since }) => [scope, count, since])).toEqual([
      ["*", 4, 0],
      ["box/1", 2, 1],
      ["box/10", 1, 2],
      ["box/2", 1, 1],
    ]);
    const { scopes } = await server.head("?scope=box/1");
    expect(all.scopes[1]).toMatchObject(scopes?.["box/1"] ?? {});
    const first = await ask<ScopesResponse>(server, `${SPACE}/scopes?limit=2`);
    expect([first.scopes.length, first.total, first.next]).toEqual([2, 4, "box/1"]);
    const second = await ask<ScopesResponse>(server, `${SPACE}/scopes?limit=2&after=${first.next}`);
    expect([second.scopes.map(({ scope }) => scope), second.next]).toEqual([["box/10", "box/2"], null]);
    expect((await ask<ScopesResponse>(server, `${SPACE}/scopes?prefix=box/1`)).total).toBe(2);
  });
});

describe("records", () => {
  const idsOf = ({ runs }: RecordsResponse) => runs.flatMap(({ records }) => records.map(({ id }) => id));

  it("[Y3] come in key order, page by page, of the space, a collection or a scope", async () => {
    await using server = new TestServer({ collections: { items: {}, notes: {} } });
    await server.write("c1", [insert("a"), insert("b"), { ...insert("n"), collection: "notes" }]);
    const first = await ask<RecordsResponse>(server, `${SPACE}/records?limit=1`);
    expect([idsOf(first), first.next]).toEqual([["a"], "items/a"]);
    const rest = await ask<RecordsResponse>(server, `${SPACE}/records?after=${first.next}`);
    expect([idsOf(rest), rest.next]).toEqual([["b", "n"], null]);
    expect(idsOf(await ask(server, `${SPACE}/records?collection=notes`))).toEqual(["n"]);
    expect(idsOf(await ask(server, `${SPACE}/records?scope=box/1`))).toEqual([]);
    expect(await problemIn(server.request(`${SPACE}/records?collection=no%20name`))).toMatchObject({
      code: "invalid",
      path: "collection",
    });
  });

  it("[Y3] begin at an id, whether or not there is a record of it", async () => {
    await using server = new TestServer();
    await server.write("c1", [insert("a"), insert("c"), insert("d")]);
    expect(idsOf(await ask(server, `${SPACE}/records?collection=items&from=c`))).toEqual(["c", "d"]);
    expect(idsOf(await ask(server, `${SPACE}/records?collection=items&from=b`))).toEqual(["c", "d"]);
  });

  it("[Y3] are looked through for a text, whatever its case, a bounded number at a time", async () => {
    await using server = new TestServer();
    const many = (from: number) =>
      Array.from({ length: 1_000 }, (_, i) => insert(`r${String(from + i).padStart(5, "0")}`));
    for (let i = 0; i < 21; i++) await server.write("c1", many(i * 1_000));
    await server.write("c1", update("r20999", { name: "Łódź Nord" }));
    const first = await ask<RecordsResponse>(server, `${SPACE}/records?match=nord`);
    expect([idsOf(first), first.looked, first.next]).toEqual([[], 20_000, "items/r19999"]);
    const second = await ask<RecordsResponse>(server, `${SPACE}/records?match=nord&after=${first.next}`);
    expect([idsOf(second), second.looked, second.next]).toEqual([["r20999"], 1_000, null]);
  });
});

describe("the store", () => {
  it("[Y4] tells collections that hold records, horizons, retention, and what it takes up", async () => {
    await using server = new TestServer({ collections: { items: {}, notes: {} }, retention: { journal: "forever" } });
    const note = { collection: "notes" };
    await server.write("c1", [
      insert("a"),
      insert("\u{10ffff}"),
      { ...insert("n"), ...note },
      { ...insert("m"), ...note },
    ]);
    await server.write("c1", [{ ...remove("m"), ...note }]);
    const state = await ask<StoreResponse>(server, `${SPACE}/store`);
    expect(state.collections.map(({ collection, count }) => [collection, count])).toEqual([
      ["items", 2],
      ["notes", 1],
    ]);
    expect(state).toMatchObject({ revision: 2, horizon: { journal: 0, tombstones: 0 } });
    expect(state.retention).toEqual({ journal: null, tombstones: null, outcomes: 90 * 86_400_000 });
    expect(state.bytes).toBeGreaterThan(0);
  });
});

describe("replicas", () => {
  it("[Y5] that pulled are told with scopes and tidemark; of a client only the last pull counts", async () => {
    let passed = 0;
    const clock = { ...STILL, now: () => STILL.now() + passed };
    await using server = new TestServer({}, { clock });
    await server.write("c1", insert("a", { box: 1 }));
    await server.pull({ client: "phone", subscriptions: [{ scope: "box/1" }] });
    await server.pull({ client: "laptop", subscriptions: [{ scope: "*", where: { box: 1 } }] });
    await server.write("c1", insert("b"));
    passed = 5_000;
    await server.pull({ client: "laptop", subscriptions: [{ scope: "*" }, { scope: "box/1" }] });
    const { replicas, revision, total } = await ask<ReplicasResponse>(server, `${SPACE}/replicas`);
    expect(
      replicas.map((each) => [each.client, each.how, each.tidemark, each.subscriptions.map(({ scope }) => scope)]),
    ).toEqual([
      ["laptop", "pull", 2, ["*", "box/1"]],
      ["phone", "pull", 1, ["box/1"]],
    ]);
    expect([revision, total]).toEqual([2, 2]);
    expect(Date.parse(replicas[0]?.at ?? "") - Date.parse(replicas[1]?.at ?? "")).toBe(5_000);
  });

  it("[Y5] that are connected are told live, once, and no more when they are gone", async () => {
    await using server = await LiveServer.start();
    await server.write("c1", insert("a", { box: 1 }));
    await server.pull({ client: "phone", subscriptions: [{ scope: "box/1" }] });
    const reader = await server.connect();
    reader.socket.send(JSON.stringify({ op: "subscribe", client: "phone", subscriptions: [{ scope: "box/1" }] }));
    const look = async () => (await ask<ReplicasResponse>(server, `${SPACE}/replicas`)).replicas;
    await expect.poll(look).toMatchObject([{ client: "phone", how: "live", tidemark: 1, subscribed: 1, slow: false }]);
    reader.socket.close();
    await expect.poll(async () => (await look()).map(({ how }) => how)).toEqual(["pull"]);
  });
});

describe("writes that did not stand", () => {
  it("[Y6] are told newest first, with who wanted what and why it was not", async () => {
    await using server = new TestServer();
    await server.write("c1", insert("a", { n: 1 }));
    await server.write("c1", update("a", { n: 2 }));
    await server.write("c2", update("a", { n: 3, text: "x".repeat(5_000), other: true }), { base: 1 });
    await server.write("c2", { ...insert("z"), collection: "nowhere" });
    const { lost, superseded, rejected } = await ask<LostResponse>(server, `${SPACE}/lost`);
    expect([superseded, rejected]).toEqual([1, 1]);
    expect(lost[0]).toMatchObject({ status: "rejected", client: "c2", reason: { code: "unknown-collection" } });
    expect(lost[1]).toMatchObject({
      status: "superseded",
      mutation: 1,
      base: 1,
      superseded: [{ collection: "items", id: "a", atoms: ["n"], reason: "newer" }],
      wanted: [{ op: "update", id: "a", atoms: { n: 3, text: "… 5002 characters" } }],
    });
    expect((await ask<LostResponse>(server, `${SPACE}/lost?limit=1`)).lost.length).toBe(1);
  });

  it("[Y6 K2] of a record that is erased are forgotten", async () => {
    await using server = new TestServer();
    await server.write("c1", [insert("a", { n: 1 }), insert("b")]);
    for (const id of ["a", "b"]) await server.write("c2", update(id, { n: 3 }), { base: 0 });
    await good(await server.post(`${SPACE}/erase`, { collection: "items", id: "a" }));
    const { lost } = await ask<LostResponse>(server, `${SPACE}/lost`);
    expect(lost.flatMap(({ wanted }) => wanted.map(({ id }) => id))).toEqual(["b"]);
  });

  it("[Y6] are a thousand at most, and counted all the same", async () => {
    await using server = new TestServer();
    const mutations = Array.from({ length: 600 }, (_, i) => ({
      id: i + 1,
      base: 0,
      writes: [update("none", { n: i })],
    }));
    await server.write("c0", insert("a"));
    for (const client of ["c1", "c2"]) await server.push({ client, mutations });
    const { lost, superseded } = await ask<LostResponse>(server, `${SPACE}/lost?limit=1000`);
    expect([lost.length, superseded, lost.at(-1)?.mutation]).toEqual([1_000, 1_200, 201]);
  });
});

describe("the journal", () => {
  it("[Y7] is told with fewer changes where they were asked for, and says how many there are", async () => {
    await using server = new TestServer();
    await server.write("c1", [insert("a"), insert("b"), insert("c")]);
    const { entries } = await ask<JournalResponse>(server, `${SPACE}/journal?changes=2`);
    expect(entries[0]?.changes?.map(({ id }) => id)).toEqual(["a", "b"]);
    expect(entries[0]?.changed).toBe(3);
    expect((await ask<JournalResponse>(server, `${SPACE}/journal?changes=3`)).entries[0]).not.toHaveProperty("changed");
  });

  it("[Y7] is looked through for a text within the entries that were asked for", async () => {
    await using server = new TestServer();
    await server.write("ann", insert("a", { name: "Lyon" }));
    await server.write("ben", insert("b", { name: "Bonn" }));
    await server.write("ann", update("b", { name: "Berlin" }));
    const found = async (query: string) =>
      (await ask<JournalResponse>(server, `${SPACE}/journal?${query}`)).entries.map(({ revision }) => revision);
    expect(await found("match=bonn")).toEqual([2, 3]);
    expect(await found("match=ANN")).toEqual([1, 3]);
    expect(await found("match=bonn&since=2")).toEqual([3]);
    expect(await found("match=bonn&limit=1")).toEqual([]);
    expect(await found("match=2")).toEqual([2]);
  });
});

describe("a replica that is asked to verify itself", () => {
  it("[Y15] is asked where it said that it can, and what it says it found is told", async () => {
    await using server = await LiveServer.start();
    await server.write("c1", insert("a", { box: 1 }));
    const reader = await server.connect();
    const subscribe = { op: "subscribe", client: "phone", able: ["verify"], subscriptions: [{ scope: "*" }] };
    reader.socket.send(JSON.stringify(subscribe));
    const look = async () => (await ask<ReplicasResponse>(server, `${SPACE}/replicas`)).replicas[0];
    await expect.poll(look).toMatchObject({ able: true, verification: null });
    const connection = (await look())?.connection;
    const order = () => server.post(`${SPACE}/replicas/${connection}`, { do: "verify" });
    expect(await good(await order())).toEqual({ asked: true });
    await expect.poll(() => reader.lines.filter(({ op }) => op === "verify")).toEqual([{ op: "verify", verify: 1 }]);
    // Whoever asks again meanwhile does not disturb it.
    await good(await order());
    expect((await look())?.verification).toMatchObject({ at: null, found: null });
    const found = { records: 1, differences: 0, copied: false };
    for (const verify of [7, 1]) reader.socket.send(JSON.stringify({ op: "verified", verify, found }));
    await expect.poll(async () => (await look())?.verification).toMatchObject({ at: expect.any(String), found });
    expect(reader.lines.filter(({ op }) => op === "verify").length).toBe(1);
  });

  it("[Y15] that cannot, or is gone, is not asked, which is said", async () => {
    await using server = await LiveServer.start();
    await server.write("c1", insert("a"));
    const reader = await server.connect();
    reader.socket.send(JSON.stringify({ op: "subscribe", client: "old", subscriptions: [{ scope: "*" }] }));
    const look = async () => (await ask<ReplicasResponse>(server, `${SPACE}/replicas`)).replicas[0];
    await expect.poll(look).toMatchObject({ client: "old", able: false });
    const order = (connection: unknown) => server.post(`${SPACE}/replicas/${connection}`, { do: "verify" });
    expect(await problemIn(order((await look())?.connection))).toMatchObject({ code: "invalid" });
    expect(await problemIn(order(99))).toMatchObject({ code: "not-found" });
  });

  it("[Y15 V1] of the client itself says what it found, and has put it right", async () => {
    await using server = await LiveServer.start();
    await server.write("c1", [insert("a", { box: 1 }), insert("b", { box: 2 })]);
    const store = memoryStore();
    const client = createClient({ url: server.url, space: "acme", store });
    await client.subscribe({ scope: "*" }).ready;
    const look = async () => (await ask<ReplicasResponse>(server, `${SPACE}/replicas`)).replicas[0];
    await expect.poll(look).toMatchObject({ how: "live", able: true });
    const connection = (await look())?.connection;
    await good(await server.post(`${SPACE}/replicas/${connection}`, { do: "verify" }));
    await expect
      .poll(async () => (await look())?.verification?.found)
      .toEqual({ records: 2, differences: 0, copied: false });
    await client.close();
  });
});
