import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Status } from "../../src/client/index.ts";
import { sqliteStore } from "../../src/client/store/sqlite/index.ts";
import { folderOf } from "../support/folder.ts";
import { insert, TestServer, update } from "../support/server.ts";
import { clientOf, followed, WAYS, wire } from "./support.ts";

const all = { collection: "items" };

describe.each(WAYS)("a client and a server, over $way", (way) => {
  it("[C3] a write is shown and durable at once, and settled when the server has it and the replica has caught up", async () => {
    const { client, server } = await followed(way);
    const { local, settled } = client.mutate((tx) => tx.insert("items", { id: "a", title: "A" }));
    await local;
    expect(await client.get("items", "a")).toEqual({ id: "a", title: "A" });
    expect(await settled).toEqual({ id: 1, status: "applied", revision: 1 });
    expect(client.status).toMatchObject({ revision: 1, pending: 0 });
    expect((await server.head()).revision).toBe(1);
  });

  it("[W1] [W9] the server's value stands; one's own is shown until then, and the application is told", async () => {
    const { client, server, line } = await followed(way);
    await server.write("other", insert("a", { title: "old", size: 1 }));
    await client.sync();
    line.up = false;
    const seen: unknown[] = [];
    client.observe(all, ([record]) => seen.push(record));
    const { local, settled } = client.mutate((tx) => tx.update("items", "a", { title: "mine", size: 2 }));
    await local;
    await server.write("other", update("a", { title: "theirs" }));
    line.up = true;
    await client.sync();
    expect(await settled).toMatchObject({
      status: "superseded",
      superseded: [{ collection: "items", id: "a", atoms: ["title"] }],
    });
    expect(await client.get("items", "a")).toEqual({ id: "a", title: "theirs", size: 2 });
    expect(client.told.map(({ event }) => event)).toEqual(["superseded"]);
    expect(seen).toEqual([
      { id: "a", title: "old", size: 1 },
      { id: "a", title: "mine", size: 2 },
      { id: "a", title: "theirs", size: 2 },
    ]);
  });

  it("[W10] a queue that was filled offline survives a restart, keeps its order, and is sent once", async () => {
    const path = join(folderOf(), "replica.db");
    const { client, server, line } = await followed(way, { store: sqliteStore({ path }) });
    line.up = false;
    for (const title of ["one", "two", "three"]) {
      await client.mutate((tx) =>
        title === "one" ? tx.insert("items", { id: "a", title }) : tx.update("items", "a", { title }),
      ).local;
    }
    await client.close();
    line.up = true;
    const again = clientOf({ ...way.over(line), store: sqliteStore({ path }) });
    expect(await again.get("items", "a")).toEqual({ id: "a", title: "three" });
    await again.sync();
    expect(again.status).toMatchObject({ pending: 0, revision: 3 });
    expect((await server.head()).revision).toBe(3);
  });

  it("[W10] a rejected mutation is handed to the application and holds up nothing", async () => {
    const { client } = await followed(way);
    const bad = client.mutate((tx) => tx.insert("unknown", { id: "x" }));
    const good = client.mutate((tx) => tx.insert("items", { id: "a" }));
    expect(await bad.settled).toMatchObject({ status: "rejected", code: "unknown-collection" });
    expect(await good.settled).toMatchObject({ status: "applied" });
    expect(await client.get("unknown", "x")).toBe(null);
    expect(client.told.map(({ event }) => event)).toEqual(["rejected"]);
  });

  it("[W5] additions of two clients both count, and are shown at once", async () => {
    const config = { collections: { items: { atoms: { n: "sum", tags: "set" } } } } as const;
    const { client, server, line } = await followed(way, { schema: config }, config);
    await server.write("other", insert("a", { n: 1, tags: ["x"] }));
    await client.sync();
    line.up = false;
    await client.mutate((tx) => tx.update("items", "a", { n: { $add: 10 }, tags: { $insert: ["y"], $remove: ["x"] } }))
      .local;
    expect(await client.get("items", "a")).toEqual({ id: "a", n: 11, tags: ["y"] });
    await server.write("other", update("a", { n: { $add: 100 }, tags: { $insert: ["z"] } }));
    line.up = true;
    await client.sync();
    expect(await client.get("items", "a")).toEqual({ id: "a", n: 111, tags: ["z", "y"] });
  });

  it("[P10] a revoked subscription is dropped with what only it held", async () => {
    const granted = new Set(["box/1", "box/2"]);
    const authorize = (_: unknown, action: { do: string; scope?: string }) =>
      action.do !== "read" || granted.has(action.scope ?? "");
    const server = new TestServer({ auth: { authenticate: () => ({ id: "ann" }), authorize } } as never);
    const line = wire(server);
    await server.write("other", [insert("a", { box: 1 }), insert("b", { box: 2 })]);
    const client = clientOf({ ...way.over(line) });
    await Promise.all([client.subscribe({ scope: "box/1" }).ready, client.subscribe({ scope: "box/2" }).ready]);
    granted.delete("box/1");
    await client.sync();
    expect(await client.query(all)).toEqual([{ id: "b", box: 2 }]);
    granted.delete("box/2");
    await client.sync();
    expect(await client.query(all)).toEqual([]);
    expect(client.told.map(({ event, value }) => [event, value])).toEqual([
      ["revoked", { key: "box/1" }],
      ["revoked", { key: "box/2" }],
    ]);
    granted.add("box/1");
    await client.subscribe({ scope: "box/1" }).ready;
    expect(await client.query(all)).toEqual([{ id: "a", box: 1 }]);
  });

  it("[P7] what a scope no longer holds is dropped, what another subscription holds stays", async () => {
    const { client, server } = await followed(way);
    await server.write("other", [insert("a", { box: 1 }), insert("b", { box: 1 })]);
    const boxed = client.subscribe({ scope: "box/1" });
    await boxed.ready;
    await (await client.subscriptions()).find(({ key }) => key === "*")?.unsubscribe();
    expect((await client.query(all)).length).toBe(2);
    await server.write("other", update("a", { box: 2 }));
    await client.sync();
    expect(await client.query(all)).toEqual([{ id: "b", box: 1 }]);
    await boxed.unsubscribe();
    expect(await client.query(all)).toEqual([]);
  });

  it("[C2] the state says offline, and upToDate only after an answer to a question that was asked since", async () => {
    const { client, server, line } = await followed(way);
    const states: Status[] = [];
    client.on("status", (status) => states.push(status));
    const asked = client.status.asOf ?? 0;
    line.up = false;
    await expect(client.sync()).rejects.toMatchObject({ name: "TransportError", failure: "offline" });
    expect(client.status).toMatchObject({ state: "offline", asOf: asked });
    await server.write("other", insert("a"));
    line.up = true;
    await client.sync();
    expect(client.status).toMatchObject({ state: "upToDate", revision: 1 });
    expect(client.status.asOf).toBeGreaterThanOrEqual(asked);
    expect(states.map(({ state }) => state)).not.toContain("failed");
  });

  it("[C9] another principal's client shows nothing of a store, and sends nothing of its queue", async () => {
    const users = new Map([
      ["ta", "ann"],
      ["te", "eve"],
    ]);
    const authenticate = (request: Request) => ({
      id: users.get(request.headers.get("authorization")?.slice(7) ?? "") ?? "",
    });
    const server = new TestServer({ auth: { authenticate, authorize: () => true } } as never);
    const line = wire(server);
    const path = join(folderOf(), "replica.db");
    server.token = "ta";
    await server.write("other", insert("a"));
    server.token = undefined;
    const ann = clientOf({ ...way.over(line), store: sqliteStore({ path }), auth: "ta" });
    await ann.subscribe({ scope: "*" }).ready;
    line.up = false;
    await ann.mutate((tx) => tx.insert("items", { id: "b" })).local;
    await ann.close();
    line.up = true;
    const eve = clientOf({ ...way.over(line), store: sqliteStore({ path }), auth: "te" });
    await expect(eve.sync()).rejects.toMatchObject({ name: "OtherPrincipal" });
    expect(eve.status).toMatchObject({ state: "other-principal", pending: 1 });
    await expect(eve.get("items", "a")).rejects.toMatchObject({ code: "other-principal" });
    await eve.close();
    const back = clientOf({ ...way.over(line), store: sqliteStore({ path }), auth: () => "ta" });
    await back.sync();
    expect((await back.query(all)).map(({ id }) => id)).toEqual(["a", "b"]);
  });

  it("[C8] atoms and collections that the client does not know are kept as received", async () => {
    const { client, server } = await followed(
      way,
      { schema: { collections: {} } },
      { collections: { items: {}, later: {} } },
    );
    await server.push({
      client: "o",
      mutations: [{ id: 1, base: 0, writes: [{ op: "insert", collection: "later", record: { id: "x", new: [1] } }] }],
    });
    await client.sync();
    expect(await client.get("later" as never, "x")).toEqual({ id: "x", new: [1] });
    expect((await client.verify()).ok).toBe(true);
  });

  it("[C6] an update of the application to another schema keeps what is held and what waits, and sends it", async () => {
    const store = () => sqliteStore({ path });
    const path = join(folderOf(), "replica.db");
    const rule = (_: unknown, after: { title?: unknown } | null) =>
      after?.title !== "as before" || "titles are new now";
    const config = { schema: { version: 2, oldest: 1 }, collections: { items: { write: rule }, tags: {} } };
    const before = { version: 1, collections: { items: {} } };
    const { client, server, line } = await followed(way, { store: store(), schema: before }, config);
    await server.write("other", insert("held", { title: "A" }));
    await client.sync();
    line.up = false;
    await client.mutate((tx) => tx.insert("items", { id: "old", title: "as before" })).local;
    await client.mutate((tx) => tx.insert("items", { id: "waits" })).local;
    await client.close();
    line.up = true;
    const after = { version: 2, collections: { items: {}, tags: {} } };
    const updated = clientOf({ ...way.over(line), store: store(), schema: after });
    expect((await updated.query(all)).map(({ id }) => id)).toEqual(["held", "old", "waits"]);
    updated.mutate((tx) => tx.insert("tags", { id: "new" }));
    await updated.sync();
    expect((await updated.query(all)).map(({ id }) => id)).toEqual(["held", "waits"]);
    expect(updated.told.filter(({ event }) => event === "rejected")).toHaveLength(1);
    expect([await updated.get("tags", "new"), updated.status.pending]).toEqual([{ id: "new" }, 0]);
  });

  it("[C6 C8] a server that needs a newer client is told apart, and the queue is kept", async () => {
    const { client } = await followed(way, { schema: { version: 1 } }, { schema: { version: 2, oldest: 1 } });
    expect(client.status.state).toBe("upToDate");
    const server = new TestServer({ schema: { version: 3, oldest: 2 } });
    const old = clientOf({ ...way.over(wire(server)), schema: { version: 1 } });
    await old.mutate((tx) => tx.insert("items", { id: "a" })).local;
    await expect(old.sync()).rejects.toMatchObject({ code: "upgrade-required" });
    expect(old.status).toMatchObject({ state: "upgrade-required", pending: 1 });
  });
});

describe.each(WAYS)("a copy, over $way", (way) => {
  it("[P5] that is cut again and again under writes ends, and holds exactly what the server has", async () => {
    const server = new TestServer();
    const writes = Array.from({ length: 900 }, (_, i) =>
      insert(`r${String(i).padStart(5, "0")}`, { title: "x".repeat(1_000), n: i }),
    );
    for (let i = 0; i < 5; i++) {
      await server.write(
        "other",
        writes.map((write) =>
          insert(`${i}-${(write as { record: { id: string } }).record.id}`, { title: "x".repeat(1_000) }),
        ),
      );
    }
    const line = wire(server);
    line.pages = false;
    line.cutAfter = 1_200_000;
    const path = join(folderOf(), "replica.db");
    let deleted = 0;
    for (;;) {
      const client = clientOf({ ...way.over(line), store: sqliteStore({ path }) });
      client.subscribe({ scope: "*" }).ready.catch(() => {});
      const done = await client.sync().then(
        () => true,
        () => false,
      );
      await client.close();
      if (done) break;
      const i = deleted++;
      await server.write("other", [
        update(`0-r0000${i}`, { title: "changed" }),
        { op: "delete", collection: "items", id: `4-r0001${i}` },
      ]);
    }
    expect(line.cuts).toBeGreaterThan(3);
    expect(deleted).toBeGreaterThan(0);
    line.cutAfter = Number.POSITIVE_INFINITY;
    const client = clientOf({ ...way.over(line), store: sqliteStore({ path }) });
    expect(await client.verify()).toMatchObject({ ok: true, subscriptions: [{ rounds: 1, count: 4500 - deleted }] });
  });
});
