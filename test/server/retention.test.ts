import { describe, expect, it } from "vitest";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { virtualClock } from "../../src/testing/clock.ts";
import {
  cursorOf,
  endOf,
  good,
  insert,
  opsOf,
  remove,
  SPACE,
  storeWith,
  TestServer,
  update,
} from "../support/server.ts";

const DAY = 86_400_000;

describe("retention", () => {
  it("[G1] [G2] cuts by the configured ages now and then, and what is younger stays", async () => {
    const clock = virtualClock();
    const retention = { journal: "10d", tombstones: "20d", every: "1h" };
    // In memory: a clock in one's hand does not wait for a database.
    await using server = new TestServer({ retention }, { clock, store: openSqliteStore({ path: ":memory:" }) });
    const settle = async <T>(promise: Promise<T>): Promise<T> => {
      let done = false;
      const end = () => {
        done = true;
      };
      promise.then(end, end);
      await clock.until(() => done, 1_000);
      return promise;
    };
    await settle(server.write("c1", [insert("a"), insert("b")]));
    await clock.run(5 * DAY);
    await settle(server.write("c1", remove("a")));
    const cursor = cursorOf(await settle(server.pull([{ scope: "*" }])), "*");
    const horizon = async () => (await settle(server.head())).horizon;
    await clock.run(6 * DAY);
    expect(await horizon()).toEqual({ journal: 1, tombstones: 0 });
    await clock.run(5 * DAY);
    expect(await horizon()).toEqual({ journal: 2, tombstones: 0 });
    await clock.run(5 * DAY);
    expect(await horizon()).toEqual({ journal: 2, tombstones: 1 });
    const lines = await settle(server.pull([{ scope: "*", cursor }]));
    expect(opsOf(lines)).toEqual(["begin", "subscription", "end"]);
    const closed = server.server.close();
    await clock.run(20_000);
    await closed;
  });

  it("[G3] a cut goes in slices, and pushes pass between them", async () => {
    const store = openSqliteStore({ path: ":memory:" });
    const order: string[] = [];
    const watched = storeWith(store, {
      async cut(...args) {
        order.push("slice");
        return store.cut(...args);
      },
      async write(space, wanted, decide) {
        order.push("push");
        return store.write(space, wanted, decide);
      },
    });
    await using server = new TestServer({}, { store: watched });
    for (let i = 0; i < 7; i++)
      await server.write(
        "c1",
        Array.from({ length: 1_000 }, (_, j) => insert(`r${i}-${j}`)),
      );
    order.length = 0;
    const cut = server.post(`${SPACE}/cut`, { journal: "0s", tombstones: "0s" });
    for (let i = 0; i < 3; i++) await server.write("c2", insert(`new${i}`));
    await good(await cut);
    expect(order.filter((step) => step === "slice").length).toBeGreaterThan(5);
    expect(order.indexOf("push")).toBeLessThan(order.lastIndexOf("slice"));
    expect((await server.head()).horizon.journal).toBeGreaterThanOrEqual(5);
  });

  it("[G1] what was cut changes no fingerprint, no conflict and no later delta", async () => {
    await using server = new TestServer();
    await server.write("c1", [insert("a", { n: 1 }), insert("b", { n: 1 })]);
    const before = endOf(await server.pull([{ scope: "*" }])).subscriptions["*"];
    await good(await server.post(`${SPACE}/cut`, { journal: "0s", tombstones: "0s", outcomes: "0s" }));
    const after = await server.pull([{ scope: "*" }]);
    expect(endOf(after).subscriptions["*"]).toEqual(before);
    await server.write("c1", update("a", { n: 2 }));
    const { outcomes } = await server.write("c2", update("a", { n: 3 }), { base: 1 });
    expect(outcomes[0]).toMatchObject({ status: "superseded" });
    expect(opsOf(await server.pull([{ scope: "*", cursor: cursorOf(after, "*") }]))).toContain("patch");
  });
});
