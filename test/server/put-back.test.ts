import { expect, it } from "vitest";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import type { Query, Store } from "../../src/store/store.ts";
import { virtualClock } from "../../src/testing/clock.ts";
import { cursorOf, endOf, insert, ofOp, storeWith, TestServer } from "../support/server.ts";
import { held } from "../support/socket.ts";

/** Two histories of one space, both at revision 2, and a server whose store can be put from the first to the second. */
async function twoHistories() {
  const clock = virtualClock();
  const stores = ["before", "after"].map(() => openSqliteStore({ path: ":memory:" })) as [Store, Store];
  for (const [i, store] of stores.entries()) {
    const writer = new TestServer({}, { store });
    await writer.write(`c${i}`, insert(`a${i}`, { box: 1 }));
    await writer.write(`c${i}`, insert(`b${i}`, { box: 1 }));
  }
  const place = { at: stores[0], onRead: (_: readonly Query[]) => {} };
  const store = storeWith(stores[0], {
    watch: () => () => undefined,
    head: (space) => place.at.head(space),
    read: (space, queries) => {
      place.onRead(queries);
      return place.at.read(space, queries);
    },
  });
  return { clock, server: new TestServer({}, { clock, store }), place, after: stores[1] };
}

it.each(["*", "box/1", "box/*"])(
  "[R2 R9 L1] a live connection to %s ends where the server's database was put back, also at the same revision",
  async (scope) => {
    const { clock, server, place, after } = await twoHistories();
    const socket = await held(server.server);
    socket.say({ op: "subscribe", subscriptions: [{ scope }] });
    // The first look at a space that tells of nothing by itself wakes all, whatever it sees.
    await clock.run(6_000);
    expect(socket.of("put")).toHaveLength(1);
    socket.clear();
    place.at = after;
    await clock.run(10_000);
    expect(socket.lines).toMatchObject([{ op: "error", of: "connection", problem: { code: "unavailable" } }]);
    expect(socket.closed).toEqual({ code: 1012, reason: "unavailable" });
  },
);

it("[R2 R9 P12] a pull that waits is answered by the copy where the database was put back, also to the same revision", async () => {
  const { clock, server, place, after } = await twoHistories();
  const cursor = cursorOf(await server.pull([{ scope: "*" }]), "*");
  const pulled = server.pull({ subscriptions: [{ scope: "*", cursor }], wait: 25 });
  await clock.run(6_000);
  place.at = after;
  await clock.run(6_000);
  expect(ofOp(await pulled, "subscription")).toMatchObject([{ mode: "copy", reason: "diverged" }]);
});

it("[R2 R9 P5] an answer that began before the database was put back does not end after it", async () => {
  const { server, place, after } = await twoHistories();
  place.onRead = (queries) => {
    // After the page of a copy, and before the delta that closes it.
    if (queries.some(({ kind }) => kind === "scan")) place.at = after;
  };
  const lines = await server.pull([{ scope: "*" }]).catch((error: unknown) => error);
  expect(lines).toMatchObject([{ op: "begin" }, { op: "subscription" }, { op: "put" }, { op: "error" }]);
  expect(endOf(await server.pull([{ scope: "*" }])).revision).toBe(2);
});
