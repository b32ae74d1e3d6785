import { cpSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { memoryStore } from "../../src/client/store/memory.ts";
import { sqliteStore } from "../../src/client/store/sqlite/index.ts";
import type { Row } from "../../src/client/store/store.ts";
import { backup, openSqliteStore, restore } from "../../src/store/sqlite/index.ts";
import { folderOf } from "../support/folder.ts";
import { insert, TestServer, update } from "../support/server.ts";
import { clientOf, followed, WAYS, type Way, Wire, wire } from "./support.ts";

const all = { collection: "items" };
const config = { collections: { items: { atoms: { n: "sum" } } } } as const;

/** A server on a real file that can be backed up and restored under the feet of those who follow it. */
async function backedUp() {
  const folder = folderOf();
  const path = (name: string) => join(folder, name);
  let server = new TestServer(config, { store: openSqliteStore({ path: path("one") }) });
  await server.push({ client: "c0", mutations: [] });
  const line = new Wire(() => server);
  return {
    line,
    path,
    get server() {
      return server;
    },
    async backup() {
      await backup(path("one"), path("backup"));
    },
    async restore(policy: "heal" | "discard") {
      await server.server.close();
      await restore(path("backup"), path("two"), policy);
      server = new TestServer(config, { store: openSqliteStore({ path: path("two") }) });
    },
  };
}

/** A client with something acknowledged that the restored server has (`kept`), and something that it has lost. */
async function bereft(way: Way, policy: "heal" | "discard") {
  const place = await backedUp();
  const client = clientOf({ ...way.over(place.line), schema: config });
  await client.subscribe({ scope: "*" }).ready;
  await way.settled(place.line);
  await client.mutate((tx) => tx.insert("items", { id: "kept", n: 1 })).settled;
  await place.backup();
  await client.mutate((tx) => tx.update("items", "kept", { n: { $add: 10 }, title: "mine" })).settled;
  await client.mutate((tx) => tx.insert("items", { id: "lost" })).settled;
  await place.restore(policy);
  return { place, client };
}

describe.each(WAYS)("a server that was restored from a backup, over $way", (way) => {
  it("[R2] is healed: what it had acknowledged and lost is offered again, once", async () => {
    const { place, client } = await bereft(way, "heal");
    // It has gone on meanwhile, past the revision where the client was.
    for (let i = 0; i < 5; i++) await place.server.write("other", insert(`other${i}`));
    await client.sync();
    // What the first finds out that has to be offered again, the second waits for.
    await client.sync();
    expect(await client.query({ ...all, limit: 2 })).toEqual([{ id: "kept", n: 11, title: "mine" }, { id: "lost" }]);
    expect(client.status).toMatchObject({ state: "upToDate", revision: 8, pending: 0 });
    expect(client.told).toEqual([
      { event: "recovered", value: { reason: "diverged", common: 1, policy: "heal", offered: 2 } },
    ]);
    expect((await client.verify()).ok).toBe(true);
  });

  it("[R2] is left as it is where the restore was meant to undo something: the application is told what was lost", async () => {
    const { client } = await bereft(way, "discard");
    await client.sync();
    expect(await client.query(all)).toEqual([{ id: "kept", n: 1 }]);
    const lost = client.told.find(({ event }) => event === "lost")?.value as {
      mutations: { outcome: { id: number } }[];
    };
    expect(lost.mutations.map(({ outcome }) => outcome.id)).toEqual([2, 3]);
  });

  it("[R2] what the backup holds is not offered again, though the replica had not been to that place", async () => {
    const place = await backedUp();
    const client = clientOf({ ...way.over(place.line), schema: config });
    await client.subscribe({ scope: "*" }).ready;
    await client.mutate((tx) => tx.insert("items", { id: "a", n: 1 })).settled;
    place.line.refuse = "pull";
    for (const n of [10, 100]) {
      const pushed = place.line.answered("push");
      await client.mutate((tx) => tx.update("items", "a", { n: { $add: n } })).local;
      await pushed;
      if (n === 10) await place.backup();
    }
    place.line.refuse = null;
    await client.sync();
    await place.restore("heal");
    await client.sync();
    expect(await client.query(all)).toEqual([{ id: "a", n: 111 }]);
    expect(client.told).toEqual([
      { event: "recovered", value: { reason: "diverged", common: 1, policy: "heal", offered: 1 } },
    ]);
  });

  it("[R2] [W10] what waits is sent to the restored server, on top of what both know", async () => {
    const { place, client } = await bereft(way, "heal");
    place.line.up = false;
    const { local, settled } = client.mutate((tx) => tx.update("items", "kept", { title: "latest" }));
    await local;
    await place.server.write("other", update("kept", { title: "theirs" }));
    place.line.up = true;
    await client.sync();
    expect(await settled).toMatchObject({ status: "superseded" });
    expect(await client.get("items", "kept")).toEqual({ id: "kept", n: 11, title: "theirs" });
  });

  it("[R2] [R3] what was acknowledged and never pulled is offered again, though the cursor is good", async () => {
    const place = await backedUp();
    const client = clientOf({ ...way.over(place.line), schema: config });
    await client.subscribe({ scope: "*" }).ready;
    await place.backup();
    place.line.refuse = "pull";
    const { local, settled } = client.mutate((tx) => tx.insert("items", { id: "a", n: 1 }));
    await local;
    await place.line.answered("push");
    await place.restore("heal");
    place.line.refuse = null;
    await client.sync();
    expect(await settled).toMatchObject({ status: "applied" });
    expect(await client.query(all)).toEqual([{ id: "a", n: 1 }]);
    expect((await place.server.head()).revision).toBe(1);
  });
});

describe.each(WAYS)("a replica that was restored or copied, over $way", (way) => {
  /** Two files of one client: a copy was made of the first, perhaps with something waiting in its queue. */
  async function copied({ waiting = false } = {}) {
    const server = new TestServer(config);
    await server.push({ client: "c0", mutations: [] });
    const line = wire(server);
    const folder = folderOf();
    const file = (name: string) => sqliteStore({ path: join(folder, name) });
    const open = (name: string) => clientOf({ ...way.over(line), store: file(name), schema: config });
    const first = open("one.db");
    await first.subscribe({ scope: "*" }).ready;
    await first.mutate((tx) => tx.insert("items", { id: "a", n: 1 })).settled;
    line.up = false;
    if (waiting) await first.mutate((tx) => tx.update("items", "a", { n: { $add: 1_000 } })).local;
    await first.close();
    line.up = true;
    cpSync(join(folder, "one.db"), join(folder, "two.db"));
    return { server, line, open };
  }

  it("[R3] an older state of a replica takes a new id before it can lose a write", async () => {
    const { server, open } = await copied();
    const ahead = open("one.db");
    await ahead.mutate((tx) => tx.update("items", "a", { n: { $add: 10 } })).settled;
    await ahead.close();
    const old = open("two.db");
    expect(await old.mutate((tx) => tx.update("items", "a", { n: { $add: 100 } })).settled).toMatchObject({
      id: 1,
      status: "applied",
    });
    expect(await old.get("items", "a")).toEqual({ id: "a", n: 111 });
    expect((await server.head()).revision).toBe(3);
  });

  it("[R3] [W2] two copies that both write offline keep all of it, and each its own", async () => {
    const { line, open } = await copied();
    line.up = false;
    const [one, two] = [open("one.db"), open("two.db")];
    await one.mutate((tx) => tx.update("items", "a", { n: { $add: 10 }, title: "one" })).local;
    await two.mutate((tx) => tx.update("items", "a", { n: { $add: 100 } })).local;
    await two.mutate((tx) => tx.insert("items", { id: "b" })).local;
    line.up = true;
    await one.sync();
    await two.sync();
    await one.sync();
    for (const each of [one, two])
      expect(await each.query(all)).toEqual([{ id: "a", n: 111, title: "one" }, { id: "b" }]);
    expect(two.told).toEqual([{ event: "recovered", value: { reason: "rewound" } }]);
  });

  it("[R3] [W6] what both copies had in their queue is carried out once, and what each wrote since is kept", async () => {
    const { server, line, open } = await copied({ waiting: true });
    line.up = false;
    const [one, two] = [open("one.db"), open("two.db")];
    await one.mutate((tx) => tx.insert("items", { id: "one" })).local;
    await two.mutate((tx) => tx.insert("items", { id: "two" })).local;
    line.up = true;
    await one.sync();
    await two.sync();
    await one.sync();
    for (const each of [one, two])
      expect(await each.query(all)).toEqual([{ id: "a", n: 1001 }, { id: "one" }, { id: "two" }]);
    expect((await server.head()).revision).toBe(4);
  });
});

describe.each(WAYS)("a suspicious replica, over $way", (way) => {
  const RECORDS = 3_000;

  /** A replica in a file, which the test then damages behind the client's back. */
  async function damagedBy(sql: string) {
    const path = join(folderOf(), "replica.db");
    const { server, line, client } = await followed(way, { store: sqliteStore({ path }) });
    for (let i = 0; i < RECORDS; i += 1_000) {
      const records = Array.from({ length: 1_000 }, (_, j) =>
        insert(`r${String(i + j).padStart(5, "0")}`, { n: i + j }),
      );
      await server.write("other", records);
    }
    await client.sync();
    await client.close();
    const db = new DatabaseSync(path);
    db.exec(sql);
    db.close();
    const again = clientOf({ ...way.over(line), store: sqliteStore({ path }) });
    return { server, client: again };
  }

  it.each([
    [
      "a changed byte",
      "UPDATE records SET data = replace(data, '1234', '1235') WHERE key = 'items/r01234'",
      ["r01234", "changed"],
    ],
    ["a record that is missing", "DELETE FROM records WHERE key = 'items/r02999'", ["r02999", "missing"]],
    [
      "a record too many",
      `INSERT INTO records VALUES ('items/r00017x', 3, '1', '{"id":"r00017x"}')`,
      ["r00017x", "extra"],
    ],
  ])("[V2] [V3] finds %s, names it, fetches just that, and agrees then", async (_, sql, [id, kind]) => {
    const { server, client } = await damagedBy(sql);
    const report = await client.verify();
    expect(report).toMatchObject({ ok: false, subscriptions: [{ key: "*", count: RECORDS, copied: false }] });
    expect(report.subscriptions[0]?.differences).toEqual([{ collection: "items", id, kind }]);
    expect(report.subscriptions[0]?.rounds).toBeLessThanOrEqual(6);
    expect(await client.verify()).toMatchObject({ ok: true, subscriptions: [{ rounds: 1 }] });
    expect((await client.query(all)).length).toBe(RECORDS);
    expect((await server.head()).revision).toBe(3);
  });

  it("[V2] takes few rounds and little traffic, however many records there are", async () => {
    const store = memoryStore();
    const { server, line, client } = await followed(way, { store });
    for (let i = 0; i < 20; i++) {
      const text = "x".repeat(180);
      const writes = Array.from({ length: 1_000 }, (_, j) =>
        insert(`r${String(i * 1_000 + j).padStart(6, "0")}`, { text, n: j }),
      );
      await server.write("other", writes);
    }
    await client.sync();
    line.bytes = 0;
    expect(await client.verify()).toMatchObject({ ok: true, subscriptions: [{ rounds: 1, count: 20_000 }] });
    expect(line.bytes).toBeLessThan(1_024);
    line.bytes = 0;
    const [row] = await store.get(["items/r012345"]);
    await store.write({ rows: new Map([["items/r012345", { ...(row as Row), data: { id: "r012345" } }]]) });
    const report = await client.verify();
    expect(report.subscriptions[0]?.differences).toEqual([{ collection: "items", id: "r012345", kind: "changed" }]);
    expect(report.subscriptions[0]?.rounds).toBeLessThanOrEqual(6);
    expect(line.bytes).toBeLessThan(65_536);
  });

  it("[V4] lag is no damage: what was written meanwhile is no difference", async () => {
    const { client, server, line } = await followed(way);
    line.refuse = "pull";
    for (let i = 0; i < 3; i++) await server.write("other", insert(`r${i}`));
    expect(await client.verify()).toMatchObject({
      ok: true,
      subscriptions: [{ revision: 3, count: 3, differences: [] }],
    });
  });

  it("[P9] damage that a pull notices is repaired without being asked", async () => {
    const { client, server } = await damagedBy(
      "UPDATE records SET data = replace(data, '1234', '1235') WHERE key = 'items/r01234'",
    );
    await server.write("other", update("r01234", { title: "x" }));
    await client.sync();
    expect(await client.get("items", "r01234")).toEqual({ id: "r01234", n: 1234, title: "x" });
    expect(client.told.map(({ event }) => event)).toEqual(["damaged", "repaired"]);
  });

  it("[P13] a patch of a record that is not held copies its subscription anew", async () => {
    const { client, server } = await damagedBy("DELETE FROM records WHERE key = 'items/r01234'");
    await server.write("other", update("r01234", { title: "x" }));
    await client.sync();
    expect(await client.get("items", "r01234")).toEqual({ id: "r01234", n: 1234, title: "x" });
    expect(client.told.map(({ event }) => event)).toEqual(["damaged"]);
  });

  it("[R1] a store whose records cannot be read is filled anew, and the queue is kept", async () => {
    const { client } = await damagedBy("UPDATE records SET data = '{' WHERE key = 'items/r01234'");
    await client.mutate((tx) => tx.insert("items", { id: "waiting" })).local;
    await expect(client.get("items", "r01234")).rejects.toMatchObject({ failure: "damaged" });
    await client.sync();
    expect(await client.get("items", "r01234")).toEqual({ id: "r01234", n: 1234 });
    expect(await client.get("items", "waiting")).toEqual({ id: "waiting" });
    expect(client.told.map(({ value }) => value)).toEqual([expect.objectContaining({ reason: "damaged" })]);
  });

  it("[R1] a store that is no database any more is filled anew, and the application is told", async () => {
    const path = join(folderOf(), "replica.db");
    const { client, server, line } = await followed(way, { store: sqliteStore({ path }) });
    await server.write("other", insert("a"));
    await client.sync();
    await client.close();
    writeFileSync(path, "nothing of it is left".repeat(500));
    const again = clientOf({ ...way.over(line), store: sqliteStore({ path }) });
    await again.subscribe({ scope: "*" }).ready;
    expect(await again.query(all)).toEqual([{ id: "a" }]);
    expect(again.told.map(({ value }) => value)).toEqual([expect.objectContaining({ reason: "damaged" })]);
  });

  it("[R1] recover() copies everything anew and keeps the queue", async () => {
    const { client } = await damagedBy("DELETE FROM records WHERE key > 'items/r01000'");
    await client.recover();
    expect((await client.query(all)).length).toBe(RECORDS);
    expect((await client.verify()).ok).toBe(true);
  });
});

describe.each(WAYS)("a device without room, over $way", (way) => {
  it("[R5] a write that finds no room is refused; reads go on, earlier writes stay, and it works once there is room", async () => {
    const path = join(folderOf(), "replica.db");
    const { server, line, client } = await followed(way, { store: sqliteStore({ path }) });
    await server.write("other", insert("a", { n: 1 }));
    await client.sync();
    await client.close();
    line.up = false;
    const open = (more: number) => {
      const store = sqliteStore({ path, maxBytes: statSync(path).size + more });
      return clientOf({ ...way.over(line), store });
    };
    const small = open(16_384);
    await small.mutate((tx) => tx.insert("items", { id: "kept" })).local;
    const { local, settled } = small.mutate((tx) => tx.insert("items", { id: "large", text: "x".repeat(100_000) }));
    await expect(local).rejects.toMatchObject({ name: "StoreError", failure: "full" });
    await expect(settled).rejects.toMatchObject({ failure: "full" });
    expect((await small.query(all)).map(({ id }) => id)).toEqual(["a", "kept"]);
    expect(small.status.pending).toBe(1);
    line.up = true;
    await server.write("other", insert("b", { text: "x".repeat(100_000) }));
    await expect(small.sync()).rejects.toMatchObject({ failure: "full" });
    expect(small.status).toMatchObject({ state: "failed", revision: 1 });
    await small.close();
    const large = open(10_000_000);
    await large.sync();
    expect((await large.query(all)).map(({ id }) => id)).toEqual(["a", "b", "kept"]);
    expect((await large.verify()).ok).toBe(true);
  });
});
