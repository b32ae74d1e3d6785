import { describe, expect, it } from "vitest";
import type { Status } from "../../src/client/index.ts";
import { virtualClock } from "../../src/testing/clock.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { connected, current, LiveScript, news, onlineEvents, patiently, pulls } from "./live-support.ts";
import {
  begin,
  clientOf,
  copy,
  delta,
  end,
  json,
  ndjson,
  patch,
  problem,
  put,
  remove,
  Script,
  timed,
} from "./support.ts";

const all = { collection: "items" };
const statesOf = (client: { on(event: "status", listener: (status: Status) => void): unknown }) => {
  const states: string[] = [];
  client.on("status", ({ state }) => states.push(state));
  return states;
};

describe("a live connection", () => {
  it("[L1] begins with the token, then with all subscriptions where they stand; the address holds no secret", async () => {
    const { socket, script } = await connected({ auth: "secret", schema: { version: 3 } });
    expect(socket.url).toBe("ws://server/v1/spaces/acme/live");
    const [pulled] = script.bodies("pull");
    expect(socket.heard).toEqual([
      { op: "token", token: "secret" },
      {
        op: "subscribe",
        client: pulled.client,
        schema: 3,
        subscriptions: [{ scope: "*", cursor: "c5" }],
        able: ["verify"],
      },
      { op: "pull", pull: 1 },
    ]);
    expect(script.bodies("wait")).toEqual([]);
  });

  it("[L1] [C2] shows what comes, stays up to date meanwhile, and asks no request any more", async () => {
    const { client, clock, socket, script } = await connected();
    const states = statesOf(client);
    const asked = script.sent.length;
    socket.say(...news(5, 6, patch(6, { id: "a", n: 1 } as never)));
    await clock.until(() => client.status.revision === 6, 1_000);
    expect(await client.get("items", "a")).toEqual({ id: "a", n: 1 });
    socket.say(...news(6, 7, remove(7, "a")));
    await clock.until(() => client.status.revision === 7, 1_000);
    expect(await client.query(all)).toEqual([]);
    expect(new Set(states)).toEqual(new Set(["upToDate"]));
    expect(script.sent.length).toBe(asked);
  });

  it("[L1] an answer that mentions no subscription leaves each as it is, and tells the revision", async () => {
    const { client, clock, socket } = await connected();
    socket.say(begin(9), end(9));
    await clock.until(() => client.status.revision === 9, 1_000);
    socket.say(...news(5, 10, put(10, { id: "b" })));
    await clock.until(() => client.status.revision === 10, 1_000);
    expect((await client.query(all)).map(({ id }) => id)).toEqual(["a", "b"]);
  });

  it("[C2] an answer that was on its way when the question came is no answer to it", async () => {
    const { client, clock, socket, live } = await connected();
    live.answer = () => {};
    let synced = false;
    const done = client.sync().then(() => {
      synced = true;
    });
    await clock.run(10);
    expect(socket.said("pull").at(-1)).toEqual({ op: "pull", pull: 2 });
    socket.say(begin(6), end(6));
    await clock.run(10);
    expect(synced).toBe(false);
    socket.say(begin(7), { ...end(7), pull: 2 });
    await done;
    expect(client.status).toMatchObject({ state: "upToDate", revision: 7 });
  });

  it("[C2] is asked after 20 silent seconds, and what it answers says as of when the replica is complete", async () => {
    const { client, clock, socket } = await connected();
    const { asOf } = client.status;
    await clock.run(26_000);
    expect(socket.said("pull").length).toBe(2);
    expect(client.status).toMatchObject({ state: "upToDate" });
    expect((client.status.asOf ?? 0) - (asOf ?? 0)).toBeGreaterThanOrEqual(20_000);
  });

  it("[C2] that is half open is noticed and given up; a request says what is so, and another connection follows", async () => {
    const { client, clock, socket, live, script } = await connected();
    await clock.run(5_000);
    live.answer = () => {};
    const requests = script.bodies("pull").length;
    await clock.until(() => socket.closed, 60_000);
    expect(client.status.state).toBe("behind");
    await clock.until(() => client.status.state === "upToDate", 60_000);
    expect(script.bodies("pull").length).toBeGreaterThan(requests);
    live.answer = (message, each) => live.usual(message, each);
    await clock.until(() => live.last.said("pull").length > 0 && live.sockets.length > 1, 120_000);
    expect(live.last.said("subscribe")).toMatchObject([{ subscriptions: [{ scope: "*", cursor: "c5" }] }]);
  });

  it("[C2] is asked at once when the machine has been asleep", async () => {
    const { clock, socket } = await connected();
    await clock.run(6_000);
    expect(socket.said("pull").length).toBe(1);
    clock.jump(3_600_000);
    await clock.run(5_000);
    expect(socket.said("pull").length).toBe(2);
  });

  it("[C2] is asked at once when the browser is online again", async () => {
    const browser = onlineEvents();
    const { clock, socket } = await connected();
    browser.emit();
    await clock.run(10);
    expect(socket.said("pull").length).toBe(2);
  });

  it("[P13] a line that does not fit what is held makes its subscription be asked anew, and only that", async () => {
    const { client, clock, socket, live } = await connected();
    live.answer = (message, each) => {
      if (message.op !== "subscribe") return live.usual(message, each);
      const [{ key = "", cursor } = { cursor: null }] = message.subscriptions;
      if (cursor) each.say(begin(9), delta("*", 5), put(9, { id: "c" }), end(9, { "*": { cursor: "c9" } }));
      else each.say(begin(5), copy(key), put(5, { id: "b" }), end(5, { [key]: { cursor: "b5" } }));
    };
    await client.subscribe({ scope: "box/1", key: "b" }).ready;
    live.answer = (message, each) => {
      if (message.op !== "subscribe") return live.usual(message, each);
      each.say(begin(9), delta("*", 5), put(9, { id: "c" }), end(9, { "*": { cursor: "c9" } }));
    };
    live.revision = 9;
    socket.say(
      begin(9),
      delta("*", 8),
      remove(9, "a"),
      delta("b", 5),
      put(9, { id: "d" }),
      end(9, { "*": { cursor: "x" }, b: { cursor: "b9" } }),
    );
    await clock.until(() => client.status.revision === 9, 1_000);
    expect((await client.query(all)).map(({ id }) => id)).toEqual(["a", "b", "c", "d"]);
    expect(socket.said("unsubscribe")).toEqual([{ op: "unsubscribe", keys: ["*"] }]);
    expect(socket.said("subscribe").at(-1)?.subscriptions).toEqual([{ scope: "*", cursor: "c5" }]);
    expect([live.sockets.length, client.told]).toEqual([1, []]);
  });

  it("[W9] [C2] while a subscription is asked anew the replica is complete to no newer revision", async () => {
    const { client, clock, socket, live } = await connected();
    live.answer = () => {};
    socket.say(...news(8, 9, remove(9, "a")));
    await clock.run(10);
    expect(client.status).toMatchObject({ revision: 5 });
    expect(socket.said("unsubscribe").length).toBe(1);
  });

  it("[L1] a key is used again only after the server has said that it is free", async () => {
    const { client, clock, socket, live } = await connected();
    const handle = client.subscribe({ scope: "*" });
    live.answer = () => {};
    await handle.unsubscribe();
    const again = client.subscribe({ scope: "*", collections: ["items"] });
    await clock.run(100);
    expect(socket.ops.slice(2)).toEqual(["unsubscribe", "pull"]);
    // What was on its way is of the old one.
    socket.say(...news(5, 6, put(6, { id: "old" })));
    live.answer = (message, each) => {
      if (message.op === "pull") each.say(begin(6), { ...end(6), pull: message.pull });
      if (message.op !== "subscribe") return;
      each.say(begin(6), copy("*"), put(6, { id: "new" }), end(6, { "*": { cursor: "n6" } }));
    };
    socket.say({ op: "unsubscribed", keys: ["*"] });
    await clock.until(() => client.status.state === "upToDate", 1_000);
    await again.ready;
    expect((await client.query(all)).map(({ id }) => id)).toEqual(["new"]);
    expect(socket.said("subscribe").at(-1)?.subscriptions).toEqual([{ scope: "*", collections: ["items"] }]);
  });

  it("[P10] [L4] what the server ends is dropped, and the application told", async () => {
    const { client, clock, socket } = await connected();
    socket.say(begin(6), { op: "revoked", key: "*" }, end(6));
    await clock.until(() => client.told.length > 0, 1_000);
    expect(client.told).toEqual([{ event: "revoked", value: { key: "*" } }]);
    expect(await client.query(all)).toEqual([]);
  });

  it("[P10] a subscription that is refused when it is asked for ends by itself; the connection goes on", async () => {
    const { client, clock, socket, live } = await connected();
    live.answer = (message, each) => {
      if (message.op !== "subscribe") return live.usual(message, each);
      each.say({ op: "error", of: "subscribe", problem: { code: "forbidden", detail: "no" } });
    };
    await expect(client.subscribe({ scope: "secret" }).ready).rejects.toMatchObject({ code: "revoked" });
    await clock.until(() => client.status.state === "upToDate", 1_000);
    expect(client.told).toEqual([{ event: "revoked", value: { key: "secret" } }]);
    expect((await client.query(all)).map(({ id }) => id)).toEqual(["a"]);
    expect([live.sockets.length, socket.closed]).toEqual([1, false]);
  });

  it("[R1] [P5] a copy that breaks off goes on behind its last mark", async () => {
    const { client, clock, socket, live, script } = await connected();
    live.answer = (message, each) => {
      if (message.op !== "subscribe") return;
      each.say(begin(5), copy("box"), put(5, { id: "x" }), { op: "mark", key: "box", cursor: "m" });
    };
    const { ready } = client.subscribe({ scope: "box" });
    await clock.run(100);
    const rest = [delta("*", 5), { ...copy("box", "items/x") }, put(5, { id: "y" })];
    const ends = { "*": {}, box: { cursor: "b5" } };
    script.on("pull", () => ndjson(begin(5), ...rest, end(5, ends)));
    socket.end();
    await clock.until(() => client.status.state === "upToDate", 10_000);
    await ready;
    expect(script.bodies("pull").at(-1).subscriptions[1]).toEqual({ scope: "box", cursor: "m" });
    expect((await client.query(all)).map(({ id }) => id)).toEqual(["a", "x", "y"]);
  });

  it("[C2] what comes faster than it can be taken in is fetched by requests, which can be held back", async () => {
    const { clock, socket } = await connected();
    const much = "x".repeat(4 * 1_048_576);
    socket.say(begin(6), delta("*", 5));
    for (let i = 0; i < 9; i++) socket.say(put(6, { id: "b", much } as never));
    await clock.run(10);
    expect(socket.closed).toBe(true);
  });
});

describe("a push on a live connection", () => {
  const outcomes = (revision: number, id: number) => ({
    op: "outcomes",
    revision,
    lastMutation: id,
    outcomes: [{ id, status: "applied", revision }],
  });

  it("[W9] is shown at once, and settled when its outcome and its revision are there, whichever comes first", async () => {
    const { client, clock, socket, script } = await connected();
    const seen: unknown[] = [];
    client.observe(all, (records) => seen.push(records.map(({ id }) => id)));
    for (const [id, first] of [
      [1, "outcomes"],
      [2, "revision"],
    ] as const) {
      const { local, settled } = client.mutate((tx) => tx.insert("items", { id: `n${id}` }));
      await local;
      await clock.run(10);
      expect(socket.said("push").length).toBe(id);
      const revision = 5 + id;
      const parts = [
        () => socket.say(outcomes(revision, id)),
        () =>
          socket.say(
            begin(revision),
            delta("*", revision - 1),
            put(revision, { id: `n${id}` }),
            end(revision, { "*": { cursor: `c${revision}` } }, id),
          ),
      ];
      for (const part of first === "outcomes" ? parts : parts.reverse()) {
        part();
        await clock.run(10);
      }
      expect(await settled).toMatchObject({ status: "applied", revision });
    }
    expect(seen).toEqual([["a"], ["a", "n1"], ["a", "n1", "n2"]]);
    expect(script.bodies("push")).toEqual([]);
    expect(client.told).toEqual([]);
  });

  it("[W6] that is cut off is sent again by a request, under the same number, and the application notices nothing", async () => {
    const { client, clock, socket, script } = await connected();
    script.on("push", () =>
      json({ revision: 6, lastMutation: 1, outcomes: [{ id: 1, status: "applied", revision: 6 }] }),
    );
    script.on("pull", () => ndjson(begin(6), delta("*", 5), put(6, { id: "n" }), end(6, { "*": { cursor: "c6" } }, 1)));
    const states = statesOf(client);
    const { settled } = client.mutate((tx) => tx.insert("items", { id: "n" }));
    await clock.until(() => socket.said("push").length === 1, 1_000);
    socket.end();
    await clock.until(() => client.status.pending === 0, 60_000);
    expect(await settled).toMatchObject({ status: "applied" });
    expect(script.bodies("push").map(({ mutations }) => mutations)).toEqual(
      socket.said("push").map(({ mutations }) => mutations),
    );
    expect(states).not.toContain("offline");
  });

  it("[W7] [W10] that is refused is handed to the application, as it is by a request", async () => {
    const { client, clock, socket, live } = await connected();
    live.answer = (message, each) => {
      if (message.op !== "push") return live.usual(message, each);
      const [mutation] = message.mutations;
      if (mutation?.writes.length === 0) each.say(outcomes(5, 1));
      else each.say({ op: "error", of: "push", problem: { code: "invalid", detail: "no good", path: "x" } });
    };
    const { settled } = client.mutate((tx) => tx.insert("items", { id: "n" }));
    await clock.until(() => client.status.pending === 0, 1_000);
    expect(await settled).toMatchObject({ status: "rejected", message: "no good" });
    expect(socket.said("push").length).toBe(2);
    expect(live.sockets.length).toBe(1);
  });

  it("[C9] nothing is pushed on it before an answer on it has named the principal", async () => {
    const live = new LiveScript();
    live.answer = () => {};
    const script = new Script().on("push", () => json({ revision: 5, lastMutation: 1, outcomes: [] }));
    const { client, clock, socket } = await connected({}, { script, live });
    await client.mutate((tx) => tx.insert("items", { id: "n" })).local;
    await clock.run(100);
    expect(socket.said("push")).toEqual([]);
    expect(script.bodies("push").length).toBeGreaterThan(0);
  });

  it("[C9] after the token has changed the server is asked before anything is pushed", async () => {
    let token = "one";
    const { client, clock, socket } = await connected({ auth: () => token });
    token = "two";
    await client.mutate((tx) => tx.insert("items", { id: "n" })).local;
    await clock.run(100);
    expect(socket.ops.slice(3)).toEqual(["token", "pull", "push"]);
  });

  it("[C9] a connection that turns out to be somebody else's is given up, and nothing is shown", async () => {
    const { client, clock, socket, live, script } = await connected();
    script.on("pull", () => ndjson(begin(6, "p2"), delta("*", 5), end(6, { "*": {} })));
    live.answer = (message, each) => {
      if (message.op === "pull") each.say(begin(6, "p2"), { ...end(6), pull: message.pull });
    };
    await expect(client.sync()).rejects.toThrow();
    await clock.run(100);
    expect([client.status.state, socket.closed]).toEqual(["other-principal", true]);
    await expect(client.get("items", "a")).rejects.toMatchObject({ code: "other-principal" });
  });
});

describe("the token of a live connection", () => {
  const jwt = (seconds: number, name: string) => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    return `${part({ alg: "none" })}.${part({ exp: seconds, sub: name })}.sig`;
  };

  it("[L4] is renewed on the connection before it ends, also where there is no need to ask anything", async () => {
    const start = 1_767_225_600;
    let token = jwt(start + 40, "first");
    const { clock, socket, live } = await connected({ auth: () => token });
    const [first, later] = [token, jwt(start + 3_600, "later")];
    token = later;
    for (let revision = 6; revision < 10; revision++) {
      socket.say(begin(revision), end(revision));
      await clock.run(4_000);
    }
    expect(socket.said("token")).toEqual([
      { op: "token", token: first },
      { op: "token", token: later },
    ]);
    expect(live.sockets.length).toBe(1);
  });

  it("[L4] that the server no longer takes is asked for once more, and the connection is made again", async () => {
    let token = "old";
    const { client, clock, socket, live, script } = await connected({ auth: () => token });
    const states = statesOf(client);
    token = "new";
    socket.say({ op: "error", of: "connection", problem: { code: "unauthenticated", detail: "it has ended" } });
    await clock.until(() => live.sockets.length === 2 && client.status.state === "upToDate", 120_000);
    expect(script.sent.at(-1)?.headers.get("authorization")).toBe("Bearer new");
    expect(live.last.heard[0]).toEqual({ op: "token", token: "new" });
    expect(states).not.toContain("unauthorised");
  });

  it("[C2] [L4] without a good one the client says unauthorised, as it does without a connection", async () => {
    const { client, clock, socket, script } = await connected({ auth: "old" });
    script.on("pull", () => problem("unauthenticated", 401));
    socket.say({ op: "error", of: "connection", problem: { code: "unauthenticated", detail: "it has ended" } });
    await clock.until(() => client.status.state === "unauthorised", 10_000);
    expect(client.status.state).toBe("unauthorised");
  });

  it("[C8] a server that needs a newer client says so, whichever way it was asked", async () => {
    const { client, clock, socket, script } = await connected({ schema: { version: 1 } });
    script.on("pull", () => problem("upgrade-required", 426));
    socket.say({ op: "error", of: "connection", problem: { code: "upgrade-required", detail: "too old" } });
    await clock.until(() => client.status.state === "upgrade-required", 10_000);
    expect(client.status.state).toBe("upgrade-required");
  });

  it("[H10] an op that the client does not know stops the answer", async () => {
    const { client, clock, socket, script } = await connected();
    script.on("pull", () => ndjson(begin(6), { op: "novelty" } as never));
    socket.say(begin(6), { op: "novelty" }, end(6));
    await clock.until(() => client.status.state === "upgrade-required", 10_000);
    expect([client.status.state, socket.closed]).toEqual(["upgrade-required", true]);
  });
});

describe("where live connections do not pass", () => {
  async function without(connect: LiveScript["connect"], options = {}, wait?: () => Promise<Response>) {
    const live = new LiveScript();
    live.connect = connect;
    const script = new Script().on("pull", pulls());
    const { client, clock } = timed(script, { WebSocket: live.WebSocket, ...options });
    const states = statesOf(client);
    script.on("wait", wait ?? patiently(clock));
    await client.subscribe({ scope: "*" }).ready;
    await clock.run(1_001);
    return { client, clock, script, live, states };
  }

  it.each([
    ["refused by a proxy", (socket: { end(): void }) => socket.end()],
    [
      "cut before the first answer",
      (socket: { open(): void; end(): void }) => {
        socket.open();
        queueMicrotask(() => socket.end());
      },
    ],
    [
      "answered by something foreign",
      (socket: { open(): void; say(line: object): void }) => {
        socket.open();
        queueMicrotask(() => socket.say({ hello: "world" }));
      },
    ],
  ])("[L6] pulls wait for news at once: %s", async (_, connect) => {
    let say: (answer: Response) => void = () => {};
    const wait = () =>
      new Promise<Response>((resolve) => {
        say = resolve;
      });
    const { client, clock, script, states } = await without(connect as LiveScript["connect"], {}, wait);
    expect(script.sent.map(({ path }) => path)).toEqual(["pull", "wait"]);
    say(ndjson(...(news(5, 6, put(6, { id: "b" })) as never[])));
    await clock.until(() => client.status.revision === 6, 1_000);
    expect((await client.query(all)).map(({ id }) => id)).toEqual(["a", "b"]);
    expect(states).not.toContain("offline");
  });

  it("[L6] nobody waits for a connection that does not come about", async () => {
    const { client, clock, script } = await without(() => {});
    expect(script.sent.map(({ path }) => path)).toEqual(["pull", "wait"]);
    await clock.run(20_000);
    expect([client.status.state, script.sent.length]).toEqual(["upToDate", 2]);
  });

  it("[L6] it is tried again, each time after a longer while, and taken when it passes", async () => {
    const { client, clock, live } = await without((socket) => socket.end());
    const times: number[] = [];
    for (let i = 1; i < 6; i++) {
      await clock.until(() => live.sockets.length > i, 3_600_000);
      times.push(clock.elapsed());
    }
    const pauses = times.slice(1).map((time, i) => time - (times[i] as number));
    expect((pauses[3] as number) / (pauses[0] as number)).toBeGreaterThan(2);
    live.connect = (socket) => socket.open();
    await clock.until(() => live.last.said("pull").length > 0, 3_600_000);
    await clock.run(100);
    live.last.say(...news(5, 6, put(6, { id: "b" })));
    await clock.until(() => client.status.revision === 6, 1_000);
    expect(client.status.revision).toBe(6);
  });

  it("[L6] one that opens late takes over from the pull that waits", async () => {
    let opened: { open(): void } | undefined;
    const { clock, live } = await without((socket) => {
      opened = socket;
    });
    await clock.run(5_000);
    opened?.open();
    await clock.run(10);
    expect(live.last.ops).toEqual(["subscribe", "pull"]);
  });

  it("[L6] another network is tried at once", async () => {
    const browser = onlineEvents();
    const { clock, live } = await without((socket) => socket.end());
    await clock.run(1_000);
    expect(live.sockets.length).toBe(1);
    browser.emit();
    await clock.run(1_000);
    expect(live.sockets.length).toBe(2);
  });

  it.each([
    ["`live: false`", { live: false }],
    ["a platform without WebSocket", { WebSocket: undefined as never }],
  ])("[L6] none is tried with %s", async (_, options) => {
    const { clock, live } = await without(() => {}, options);
    await clock.run(3_600_000);
    expect(live.sockets).toEqual([]);
  });
});

describe("a server that restarts", () => {
  it("[L5] is not stormed: a thousand clients come back one after the other, the first time too", async () => {
    const live = new LiveScript();
    const times: number[] = [];
    const clock = virtualClock("storm");
    const scripts = Array.from({ length: 1_000 }, () => new Script().on("pull", pulls()));
    for (const [i, { fetch }] of scripts.entries()) {
      const random = seededRandom(`storm ${i}`);
      clientOf({ fetch, clock, random, WebSocket: live.WebSocket })
        .subscribe({ scope: "*" })
        .ready.catch(() => {});
    }
    await clock.until(
      () => live.sockets.length === 1_000 && live.sockets.every((each) => each.said("pull").length > 0),
      10_000,
    );
    await clock.run(1_000);
    const began = clock.elapsed();
    for (const script of scripts) {
      script.on("pull", () => {
        times.push(clock.elapsed() - began);
        return current();
      });
    }
    for (const socket of [...live.sockets]) socket.end();
    await clock.until(() => times.length === 1_000, 60_000);
    const busiest = Math.max(
      ...Array.from({ length: 20 }, (_, i) => times.filter((t) => t >= i * 100 && t < (i + 1) * 100).length),
    );
    expect(times.length).toBe(1_000);
    expect(busiest).toBeLessThan(100);
    expect(Math.max(...times)).toBeLessThanOrEqual(2_000);
  });

  it("[L5] [H1] is left alone for as long as it asks", async () => {
    const { clock, socket, script } = await connected();
    const count = script.sent.length;
    socket.say({
      op: "error",
      of: "connection",
      problem: { code: "unavailable", detail: "restarting", retryAfter: 60 },
    });
    await clock.run(59_000);
    expect(script.sent.length).toBe(count);
    await clock.run(10_000);
    expect(script.sent.length).toBeGreaterThan(count);
  });

  it("[L5] pauses grow until an answer is complete", async () => {
    const { clock, socket, script } = await connected();
    const times: number[] = [];
    script.on("pull", () => {
      times.push(clock.elapsed());
      return ndjson(begin(5));
    });
    socket.end();
    await clock.until(() => times.length > 30, 3_600_000);
    const pauses = times.slice(1).map((time, i) => time - (times[i] as number));
    expect(Math.max(...pauses.slice(10))).toBeGreaterThan(10_000);
  });
});
