import { describe, expect, it } from "vitest";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { type VirtualClock, virtualClock } from "../../src/testing/clock.ts";
import type { PushMessage } from "../../src/wire/live.ts";
import { insert, SECRET, storeWith, TestServer, tokenFor, update } from "../support/server.ts";
import { type HeldSocket, held } from "../support/socket.ts";

const JWT = { auth: { jwtSecret: SECRET } };
const EVERYTHING = { acme: { read: ["*"], write: ["*"] } };

/** Lets everything run that waits for no time. */
const now = (clock: VirtualClock) => clock.run(1);

async function following(server: TestServer, clock: VirtualClock, scope = "*"): Promise<HeldSocket> {
  const socket = await held(server.server);
  socket.say({ op: "subscribe", subscriptions: [{ scope }] });
  await now(clock);
  socket.clear();
  return socket;
}

/** A write, while time stands. */
async function written(server: TestServer, clock: VirtualClock, ...asked: Parameters<TestServer["write"]>) {
  const done = server.write(...asked);
  await now(clock);
  return done;
}

describe("a reader that cannot keep up", () => {
  it("[L2] is kept no queue: when its socket drains it gets one consolidated delta", async () => {
    const clock = virtualClock();
    await using server = new TestServer({}, { clock });
    const socket = await following(server, clock);
    socket.stalled = true;
    socket.waiting = 2_000;
    for (let n = 1; n <= 50; n++) await written(server, clock, "c1", n === 1 ? insert("a", { n }) : update("a", { n }));
    expect(socket.frames).toEqual([]);
    socket.drain();
    await now(clock);
    expect(socket.frames).toHaveLength(1);
    expect(socket.lines).toMatchObject([
      { op: "begin", revision: 50 },
      { op: "subscription", mode: "delta", since: 0 },
      { op: "put", at: 50, records: [{ id: "a", n: 50 }] },
      { op: "end", revision: 50 },
    ]);
  });

  it("[L2] gets a large delta in small frames, each when the one before it has left", async () => {
    const clock = virtualClock();
    await using server = new TestServer({}, { clock });
    const socket = await following(server, clock);
    socket.stalled = true;
    socket.waiting = 2_000;
    const text = "x".repeat(500);
    for (let n = 0; n < 10; n++)
      await written(
        server,
        clock,
        "c1",
        Array.from({ length: 300 }, (_, i) => insert(`r${n * 300 + i}`, { text })),
      );
    socket.drain();
    socket.stalled = true;
    await now(clock);
    for (let most = 0; most < 100 && socket.of("end").length === 0; most++) {
      expect(socket.frames).toHaveLength(most + 1);
      socket.drain();
      socket.stalled = true;
      await now(clock);
    }
    expect(socket.of("end")).toMatchObject([{ revision: 10, subscriptions: { "*": { count: 3_000 } } }]);
    expect(socket.of("put").flatMap(({ records }) => records)).toHaveLength(3_000);
    expect(socket.peak).toBeLessThan(500_000);
  });

  it("[L2] is not listened to while it does not read", async () => {
    const clock = virtualClock();
    await using server = new TestServer({}, { clock });
    const socket = await following(server, clock);
    socket.stalled = true;
    socket.waiting = 2_000;
    for (let n = 1; n <= 100; n++) socket.say({ op: "pull", pull: n });
    await now(clock);
    expect(socket.paused).toBe(true);
    socket.drain();
    await now(clock);
    expect(socket.paused).toBe(false);
    expect(socket.of("end").at(-1)).toMatchObject({ pull: 100 });
  });
});

describe("many readers", () => {
  it("[L3] who stand at the same place cost one reading of the store, and get the very same bytes", async () => {
    const clock = virtualClock();
    let scans = 0;
    const plain = openSqliteStore({ path: ":memory:" });
    const store = storeWith(plain, {
      read: (space, queries) => {
        scans += queries.filter(({ kind }) => kind === "scan").length;
        return plain.read(space, queries);
      },
    });
    await using server = new TestServer({}, { clock, store });
    const sockets: HeldSocket[] = [];
    for (let i = 0; i < 20; i++) sockets.push(await following(server, clock));
    scans = 0;
    await written(server, clock, "c1", insert("a"));
    expect(scans).toBe(1);
    expect(new Set(sockets.map(({ frames }) => frames[0])).size).toBe(1);
    expect(sockets[0]?.ops()).toEqual(["begin", "subscription", "put", "end"]);
  });

  it("[L3] share the lines also where keys and principals differ", async () => {
    const clock = virtualClock();
    let scans = 0;
    const plain = openSqliteStore({ path: ":memory:" });
    const store = storeWith(plain, {
      read: (space, queries) => {
        scans += queries.filter(({ kind }) => kind === "scan").length;
        return plain.read(space, queries);
      },
    });
    await using server = new TestServer({ auth: { authenticate: userOf, authorize: () => true } }, { clock, store });
    const sockets: HeldSocket[] = [];
    for (const [user, key] of [
      ["ann", "k1"],
      ["bob", "k1"],
      ["ann", "k2"],
    ] as const) {
      const socket = await held(server.server, { headers: { "x-user": user } });
      socket.say({ op: "subscribe", subscriptions: [{ scope: "*", key }] });
      await now(clock);
      socket.clear();
      sockets.push(socket);
    }
    scans = 0;
    await written(server, clock, "c1", insert("a"), {}, { headers: { "x-user": "cleo" } });
    expect(scans).toBe(1);
    const principals = sockets.map((socket) => socket.of("begin")[0]?.principal);
    expect(principals[0]).not.toBe(principals[1]);
    expect(principals[0]).toBe(principals[2]);
    expect(sockets.map((socket) => socket.of("subscription")[0]?.key)).toEqual(["k1", "k1", "k2"]);
    for (const socket of sockets) expect(socket.of("put")).toMatchObject([{ records: [{ id: "a" }] }]);
  });

  it("[L1] of whose nothing changed hear of the revision within 30 seconds, not at once", async () => {
    const clock = virtualClock();
    await using server = new TestServer({}, { clock });
    const socket = await following(server, clock, "box/1");
    await written(server, clock, "c1", insert("a", { box: 2 }));
    expect(socket.frames).toEqual([]);
    await clock.run(30_000);
    expect(socket.ops()).toEqual(["begin", "subscription", "end"]);
    expect(socket.of("end")).toMatchObject([{ revision: 1 }]);
    socket.clear();
    await clock.run(60_000);
    expect(socket.frames).toEqual([]);
    await written(server, clock, "c1", insert("b", { box: 1 }));
    expect(socket.of("subscription")).toMatchObject([{ since: 1 }]);
  });
});

describe("a commit that nobody told of", () => {
  it("[L1] is found by the look that all who follow a space share", async () => {
    const clock = virtualClock();
    const plain = openSqliteStore({ path: ":memory:" });
    const store = storeWith(plain, { watch: () => () => undefined });
    await using server = new TestServer({}, { clock, store });
    const socket = await following(server, clock);
    await written(server, clock, "c1", insert("a"));
    expect(socket.frames).toEqual([]);
    await clock.run(10_000);
    expect(socket.of("put")).toHaveLength(1);
  });

  it("[L1] [R5] a store that fails for a while is asked again", async () => {
    const clock = virtualClock();
    let failing = false;
    const plain = openSqliteStore({ path: ":memory:" });
    const store = storeWith(plain, {
      read: async (space, queries) => {
        if (failing) throw new Error("no");
        return plain.read(space, queries);
      },
    });
    const log = { info: () => undefined, error: () => undefined };
    await using server = new TestServer({}, { clock, store, log });
    const socket = await following(server, clock);
    failing = true;
    await written(server, clock, "c1", insert("a"));
    socket.say({ op: "pull", pull: 1 });
    await now(clock);
    expect(socket.lines).toMatchObject([{ op: "error", of: "pull", problem: { code: "unavailable" } }]);
    socket.clear();
    failing = false;
    await clock.run(2_000);
    expect(socket.ops()).toEqual(["begin", "subscription", "put", "end"]);
  });
});

describe("its own pushes", () => {
  const push = (id: number, ...writes: unknown[]) =>
    ({ op: "push", client: "me", mutations: [{ id, base: 0, writes }] }) as PushMessage;

  it("[W9] [L1] every revision that may hold one of them comes with the client's last mutation", async () => {
    const clock = virtualClock();
    await using server = new TestServer({}, { clock });
    const socket = await held(server.server);
    socket.say({ op: "subscribe", client: "me", subscriptions: [{ scope: "*" }] });
    await now(clock);
    socket.clear();
    socket.say(push(1, insert("a")));
    await now(clock);
    expect(socket.of("outcomes")).toMatchObject([{ revision: 1, lastMutation: 1 }]);
    expect(socket.of("end").every(({ lastMutation }) => lastMutation === 1)).toBe(true);
    socket.clear();
    await written(server, clock, "c2", insert("b"));
    expect(socket.of("end")[0]).not.toHaveProperty("lastMutation");
  });

  it("[L1] one that changes nothing of what is followed is told at once too", async () => {
    const clock = virtualClock();
    await using server = new TestServer({}, { clock });
    const socket = await held(server.server);
    socket.say({ op: "subscribe", client: "me", subscriptions: [{ scope: "box/1" }] });
    await now(clock);
    socket.clear();
    socket.say(push(1, insert("a", { box: 2 })));
    await now(clock);
    expect(socket.of("end").at(-1)).toMatchObject({ revision: 1, lastMutation: 1 });
  });
});

describe("who may not any more", () => {
  it("[L4] loses a subscription before the next byte of it", async () => {
    const clock = virtualClock();
    const may = new Set(["box/1", "box/2"]);
    const authorize = (_: unknown, action: { do: string; scope?: string }) =>
      action.do !== "read" || may.has(action.scope ?? "");
    await using server = new TestServer({ auth: { authenticate: userOf, authorize } }, { clock });
    const socket = await held(server.server, { headers: { "x-user": "ann" } });
    socket.say({
      op: "subscribe",
      subscriptions: [
        { scope: "box/1", key: "one" },
        { scope: "box/2", key: "two" },
      ],
    });
    await now(clock);
    socket.clear();
    may.delete("box/1");
    await written(
      server,
      clock,
      "c1",
      [insert("a", { box: 1 }), insert("b", { box: 2 })],
      {},
      { headers: { "x-user": "cleo" } },
    );
    expect(socket.of("revoked")).toEqual([{ op: "revoked", key: "one" }]);
    expect(socket.of("put").flatMap(({ records }) => records)).toEqual([{ id: "b", box: 2 }]);
    socket.clear();
    socket.say({ op: "unsubscribe", keys: ["one"] });
    await now(clock);
    expect(socket.lines).toEqual([{ op: "unsubscribed", keys: ["one"] }]);
  });

  it("[L4] hears of it within 15 seconds without a commit", async () => {
    const clock = virtualClock();
    let may = true;
    const authorize = (_: unknown, action: { do: string }) => action.do !== "read" || may;
    await using server = new TestServer({ auth: { authenticate: userOf, authorize } }, { clock });
    const socket = await held(server.server, { headers: { "x-user": "ann" } });
    socket.say({ op: "subscribe", subscriptions: [{ scope: "*" }] });
    await now(clock);
    socket.clear();
    may = false;
    await clock.run(15_000);
    expect(socket.ops()).toEqual(["begin", "revoked", "end"]);
  });

  it("[L4] [A2] is told when its token ends, unless it brings a new one", async () => {
    const clock = virtualClock();
    await using server = new TestServer(JWT, { clock });
    const seconds = Math.floor(clock.now() / 1_000);
    const token = (end: number, user = "ann") => tokenFor(user, EVERYTHING, seconds + end);
    const [renewing, lapsing] = [await opened(server, await token(60)), await opened(server, await token(60))];
    await clock.run(50_000);
    renewing.say({ op: "token", token: await token(120) });
    renewing.say({ op: "pull", pull: 1 });
    // Signatures are checked elsewhere, in time of their own.
    while (renewing.of("end").length === 0) await clock.run(1);
    await clock.run(11_000);
    expect(renewing.closed).toBeNull();
    expect(lapsing.of("error")).toMatchObject([{ of: "connection", problem: { code: "unauthenticated" } }]);
    expect(lapsing.closed).toEqual({ code: 1008, reason: "unauthenticated" });
    renewing.say({ op: "token", token: await token(300, "bob") });
    while (renewing.of("error").length === 0) await clock.run(1);
    expect(renewing.of("error")).toMatchObject([{ of: "token", problem: { code: "forbidden" } }]);
    await clock.run(60_000);
    expect(renewing.closed).toMatchObject({ code: 1008 });
  });

  it("[L4] a user of `authenticate` may say when it ends", async () => {
    const clock = virtualClock();
    const authenticate = () => ({ id: "ann", expires: 1_767_225_600_000 + 20_000 });
    await using server = new TestServer({ auth: { authenticate, authorize: () => true } }, { clock });
    const socket = await held(server.server);
    await clock.run(19_000);
    expect(socket.closed).toBeNull();
    await clock.run(3_000);
    expect(socket.closed).toMatchObject({ code: 1008 });
  });

  it("[L1] who sends no token within 10 seconds is sent away", async () => {
    const clock = virtualClock();
    await using server = new TestServer(JWT, { clock });
    const socket = await held(server.server);
    await clock.run(8_000);
    expect(socket.closed).toBeNull();
    await clock.run(4_000);
    expect(socket.of("error")).toMatchObject([{ of: "connection", problem: { code: "unauthenticated" } }]);
    expect(socket.closed).toMatchObject({ code: 1008 });
  });
});

describe("signs of life", () => {
  it("[L7] a side that is silent is asked, and ended where it does not answer", async () => {
    const clock = virtualClock();
    await using server = new TestServer({}, { clock });
    const [alive, dead] = [await held(server.server), await held(server.server)];
    dead.alive = false;
    await clock.run(120_000);
    expect(alive.terminated).toBe(false);
    expect(alive.pings).toBeGreaterThan(2);
    expect(dead).toMatchObject({ pings: 1, terminated: true });
  });

  it("[L7] nobody is ended because somebody sets the clock", async () => {
    const clock = virtualClock();
    await using server = new TestServer({}, { clock });
    const socket = await held(server.server);
    clock.jump(3_600_000);
    await clock.run(5_000);
    expect(socket.terminated).toBe(false);
  });
});

describe("a server that ends", () => {
  it("[H15] tells its connections so, and takes no new ones", async () => {
    const clock = virtualClock();
    const server = new TestServer({}, { clock });
    const socket = await following(server, clock);
    const closing = server.server.close();
    expect(socket.lines).toMatchObject([
      { op: "error", of: "connection", problem: { code: "unavailable", retryAfter: 1 } },
    ]);
    expect(socket.closed).toEqual({ code: 1012, reason: "unavailable" });
    await expect(held(server.server)).rejects.toThrow("unavailable");
    await clock.run(10_000);
    await closing;
  });
});

const userOf = (request: Request) => {
  const id = request.headers.get("x-user");
  return id === null ? null : { id };
};

async function opened(server: TestServer, token: string): Promise<HeldSocket> {
  return held(server.server, { headers: { authorization: `Bearer ${token}` } });
}
