import { describe, expect, it } from "vitest";
import { PUSH_LIMITS } from "../../src/model/push.ts";
import { noLog } from "../../src/server/log.ts";
import { metricsOf } from "../../src/server/metrics.ts";
import { Spaces } from "../../src/server/space.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { type Store, StoreError } from "../../src/store/store.ts";
import { systemClock } from "../../src/util/clock.ts";
import { cursorOf, insert, problemIn, remove, SPACE, storeWith, TestServer, update } from "../support/server.ts";

/** Counts the commits of a store, and lets a test break one. */
function counted(store: Store, fault: (wanted: Parameters<Store["write"]>[1]) => Error | null = () => null) {
  const counter = { commits: 0 };
  const write: Store["write"] = async (space, wanted, decide) => {
    const error = fault(wanted);
    if (error !== null) throw error;
    counter.commits++;
    return store.write(space, wanted, decide);
  };
  return { counter, store: storeWith(store, { write }) };
}

const one = (client: string, id: number, writes = [insert(`${client}-${id}`)], base = 0) => {
  return { client, mutations: [{ id, base, writes }] };
};

describe("POST …/push", () => {
  it("[H4] [H9] a first push creates the space, and tells the revision and each outcome", async () => {
    await using server = new TestServer();
    expect(await problemIn(server.request(SPACE))).toMatchObject({ code: "unknown-space", status: 404 });
    expect(await server.push(one("c1", 1))).toEqual({
      revision: 1,
      lastMutation: 1,
      outcomes: [{ id: 1, status: "applied", revision: 1 }],
    });
    expect((await server.head()).revision).toBe(1);
  });

  it("[H9] a replica may follow a space before the first push creates it", async () => {
    await using server = new TestServer();
    const before = await server.pull([{ scope: "*" }]);
    expect(before.at(-1)).toMatchObject({ op: "end", revision: 0, subscriptions: { "*": { count: 0 } } });
    expect(await problemIn(server.request(SPACE))).toMatchObject({ code: "unknown-space" });
    await server.push(one("c1", 1));
    const after = await server.pull([{ scope: "*", cursor: cursorOf(before, "*") }]);
    expect(after[1]).toMatchObject({ mode: "delta", since: 0 });
    expect(after.at(-1)).toMatchObject({ revision: 1, subscriptions: { "*": { count: 1 } } });
  });

  it("[H9] spaces that the configuration lists are there from the start, and no others", async () => {
    await using server = new TestServer({ spaces: ["acme"] });
    expect((await server.head()).revision).toBe(0);
    expect(await problemIn(server.post("/v1/spaces/other/push", one("c1", 1)))).toMatchObject({
      code: "unknown-space",
    });
    expect(await problemIn(server.request("/v1/spaces/other"))).toMatchObject({ code: "unknown-space" });
  });

  it("[W14] a server that was told of no collections takes any, in no scope but *", async () => {
    await using server = new TestServer({}, { config: { auth: { open: true } } });
    const write = { op: "insert" as const, collection: "anything", record: { id: "a", scope: "x" } };
    expect((await server.push(one("c1", 1, [write]))).outcomes).toMatchObject([{ status: "applied" }]);
    expect((await server.pull([{ scope: "*" }])).at(-1)).toMatchObject({ subscriptions: { "*": { count: 1 } } });
  });

  it("[W7] a collection that is not configured is rejected by name, and the rest goes on", async () => {
    await using server = new TestServer();
    const stranger = { op: "insert" as const, collection: "strangers", record: { id: "a" } };
    const { outcomes } = await server.push({
      client: "c1",
      mutations: [
        { id: 1, base: 0, writes: [stranger] },
        { id: 2, base: 0, writes: [insert("a")] },
      ],
    });
    expect(outcomes).toMatchObject([
      { id: 1, status: "rejected", code: "unknown-collection", message: expect.stringContaining("strangers") },
      { id: 2, status: "applied", revision: 1 },
    ]);
  });

  it("[W6] [H1] gap and rewound apply nothing, and name the last mutation and the first in question", async () => {
    await using server = new TestServer();
    await server.push(one("c1", 1));
    const gap = await problemIn(server.post(`${SPACE}/push`, one("c1", 3)));
    expect(gap).toMatchObject({ status: 409, code: "gap", lastMutation: 1, id: 3 });
    const rewound = await problemIn(server.post(`${SPACE}/push`, one("c1", 1, [insert("other")])));
    expect(rewound).toMatchObject({ status: 409, code: "rewound", lastMutation: 1, id: 1 });
    expect((await server.head()).revision).toBe(1);
  });

  it("[W12] a cursor of another history, or a base beyond the head, is diverged", async () => {
    await using server = new TestServer();
    await using lost = new TestServer();
    await server.write("c1", insert("a"));
    await lost.write("c1", insert("b"));
    const cursor = cursorOf(await lost.pull([{ scope: "*" }]), "*");
    const diverged = { status: 409, code: "diverged", lastMutation: 1 };
    expect(await problemIn(server.post(`${SPACE}/push`, { ...one("c1", 2), cursor }))).toMatchObject(diverged);
    expect(await problemIn(server.post(`${SPACE}/push`, one("c1", 2, [insert("c")], 9)))).toMatchObject(diverged);
    expect((await server.head()).revision).toBe(1);
    const own = cursorOf(await server.pull([{ scope: "*" }]), "*");
    expect((await server.push({ ...one("c1", 2), cursor: own })).lastMutation).toBe(2);
  });

  it("[C8] refuses a client whose schema is older than the oldest that is spoken", async () => {
    await using server = new TestServer({ schema: { version: 5, oldest: 3 } });
    const push = { ...one("c1", 1), schema: 2 };
    expect(await problemIn(server.post(`${SPACE}/push`, push))).toMatchObject({
      status: 426,
      code: "upgrade-required",
    });
    await server.push({ ...push, schema: 3 });
    const pull = { subscriptions: [{ scope: "*" }], schema: 2 };
    expect(await problemIn(server.post(`${SPACE}/pull`, pull))).toMatchObject({ code: "upgrade-required" });
    const verify = { subscription: { scope: "*" }, ranges: [], schema: 2 };
    expect(await problemIn(server.post(`${SPACE}/verify`, verify))).toMatchObject({ code: "upgrade-required" });
  });
});

describe("group commit", () => {
  it("[W8] pushes that wait together share a commit, and each has its own outcome", async () => {
    const { store, counter } = counted(openSqliteStore({ path: ":memory:" }));
    await using server = new TestServer({}, { store });
    const clients = Array.from({ length: 100 }, (_, i) => `c${i}`);
    const answers = await Promise.all(clients.map((client) => server.push(one(client, 1))));
    expect(new Set(answers.map(({ outcomes }) => outcomes[0]?.revision)).size).toBe(100);
    expect((await server.head()).revision).toBe(100);
    expect(counter.commits).toBeLessThan(10);
  });

  it.each([0, 1, 2, 3, 4, 5, 6])(
    "[W8] a push that comes %i steps after the last one ended is not forgotten",
    async (steps) => {
      const store = openSqliteStore({ path: ":memory:" });
      const spaces = new Spaces({
        store,
        clock: systemClock,
        log: noLog,
        metrics: metricsOf(store),
        lost: { settled: () => undefined },
        mayCreate: () => true,
        ruleOf: () => null,
        rules: (space) => ({
          space,
          collections: {},
          authorize: () => true,
          limits: PUSH_LIMITS,
          now: 0,
          salt: () => "0".repeat(32),
        }),
      });
      const push = (id: number) =>
        spaces.push("acme", {
          user: { id: "ann" },
          request: { client: "c1", mutations: [{ id, base: 0, writes: [] }] },
        });
      await push(1);
      for (let step = 0; step < steps; step++) await undefined;
      expect(await push(2)).toMatchObject({ lastMutation: 2 });
      await spaces.idle();
      await store.close();
    },
  );

  it("[W8] a push is answered only after its commit", async () => {
    const store = openSqliteStore({ path: ":memory:" });
    let release = () => undefined as void;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow = storeWith(store, {
      async write(space, wanted, decide) {
        await held;
        return store.write(space, wanted, decide);
      },
    });
    await using server = new TestServer({}, { store: slow });
    let answered = false;
    const answer = server.push(one("c1", 1)).then(() => {
      answered = true;
    });
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(answered).toBe(false);
    release();
    await answer;
  });

  it("[W13] [W7] what the store cannot hold of one mutation harms nobody else's", async () => {
    const poison = counted(openSqliteStore({ path: ":memory:" }), ({ keys }) =>
      keys.has("items/poison") ? new Error("cannot bind this value") : null,
    );
    const faults: string[] = [];
    const log = { info: () => undefined, error: (_: object, message: string) => faults.push(message) };
    await using server = new TestServer({}, { store: poison.store, log });
    const bad = {
      client: "bad",
      mutations: [
        { id: 1, base: 0, writes: [insert("fine")] },
        { id: 2, base: 0, writes: [insert("poison")] },
        { id: 3, base: 0, writes: [insert("behind")] },
      ],
    };
    const [first, ...others] = await Promise.all([bad, one("c1", 1), one("c2", 1)].map((push) => server.push(push)));
    expect(others.map(({ lastMutation }) => lastMutation)).toEqual([1, 1]);
    expect(first).toMatchObject({ lastMutation: 1, outcomes: [{ id: 1, status: "applied" }] });
    const rest = { client: "bad", mutations: bad.mutations.slice(1) };
    expect(await problemIn(server.post(`${SPACE}/push`, rest))).toMatchObject({
      code: "invalid",
      path: "mutations[0]",
      id: 2,
    });
    const cured = [{ id: 2, base: 0, writes: [] }, ...bad.mutations.slice(2)];
    expect(await server.push({ client: "bad", mutations: cured })).toMatchObject({ lastMutation: 3 });
    expect(faults).toContain("a mutation could not be stored");
  });

  it.each([
    ["full", "disk is full"],
    ["unavailable", "does not answer"],
  ] as const)(
    "[R5] a store that is %s is a clear error, reads go on, and writes too when the cause is gone",
    async (failure, text) => {
      let broken = false;
      const { store } = counted(openSqliteStore({ path: ":memory:" }), () =>
        broken ? new StoreError(failure, "x") : null,
      );
      await using server = new TestServer({}, { store, log: { info: () => undefined, error: () => undefined } });
      await server.push(one("c1", 1));
      broken = true;
      const problem = await problemIn(server.post(`${SPACE}/push`, one("c1", 2)));
      expect(problem).toMatchObject({ status: 503, code: "unavailable", detail: expect.stringContaining(text) });
      expect((await server.head()).revision).toBe(1);
      broken = false;
      expect((await server.push(one("c1", 2))).lastMutation).toBe(2);
    },
  );

  it("[M2] [W6] a push that is repeated is answered again and changes nothing", async () => {
    await using server = new TestServer();
    const push = one("c1", 1);
    const [first, second] = await Promise.all([server.push(push), server.push(push)]);
    expect(second.outcomes).toEqual(first.outcomes);
    expect((await server.head()).revision).toBe(1);
  });

  it("[W1] the last of two writers who knew nothing of each other learns what stands", async () => {
    await using server = new TestServer();
    await server.write("c1", insert("a", { n: 0, m: 0 }));
    await server.write("c1", update("a", { n: 1 }));
    const { outcomes } = await server.write("c2", update("a", { n: 2, m: 2 }), { base: 1 });
    expect(outcomes).toMatchObject([
      { status: "superseded", superseded: [{ collection: "items", id: "a", atoms: ["n"] }] },
    ]);
    await server.write("c1", remove("a"));
  });
});
