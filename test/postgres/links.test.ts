// Links on PostgreSQL, where several servers share a database and one of them runs each link.
import { expect, test } from "vitest";
import { openPostgresStore } from "../../src/store/postgres/index.ts";
import { World } from "../peer/support.ts";
import { schemaUrl } from "../support/postgres.ts";
import { insert, update } from "../support/server.ts";

const UP = { up: { url: "http://a", direction: "both" as const } };

test("[S1] [S2] [R7] of two servers on one database one runs the link, and the other goes on when it ends", async () => {
  const world = new World();
  const url = await schemaUrl();
  const a = world.site("a");
  await a.write("ann", [insert("x", { n: 1, m: 1 })]);
  const b1 = world.site("b1", UP, { store: await openPostgresStore({ url }) });
  await world.settle(a, b1);
  const b2 = world.site("b2", UP, { store: await openPostgresStore({ url }) });
  await b2.until(() => b2.link.states.now?.cause === "another server runs this link");
  await b2.write("bob", [update("x", { n: 2 })]);
  await world.settle(a, b1);
  expect(await a.records()).toEqual({ "items/x": { n: 2, m: 1 } });
  await b1.end();
  await b2.links.order("acme", "up", { do: "resume" });
  await a.write("ann", [update("x", { m: 5 })]);
  await b2.write("bob", [insert("y", { n: 1 })]);
  await world.settle(a, b2);
  expect(await b2.records()).toEqual({ "items/x": { n: 2, m: 5 }, "items/y": { n: 1 } });
  expect(await b2.digest()).toBe(await a.digest());
});

test("[S13] of two servers on one database each takes notice of a link that was added or removed at the other", async () => {
  const world = new World();
  const url = await schemaUrl();
  const a = world.site("a");
  await a.write("ann", [insert("x", { n: 1 })]);
  const b1 = world.site("b1", {}, { store: await openPostgresStore({ url }) });
  const b2 = world.site("b2", {}, { store: await openPostgresStore({ url }) });
  expect((await b1.post("/v1/spaces/acme/links", { name: "up", url: "http://a" })).status).toBe(200);
  await world.settle(a, b1);
  expect((await b2.links.list("acme")).map(({ name }) => name)).toEqual(["up"]);
  const { link } = b2;
  await b2.until(() => link.states.now?.cause === "another server runs this link");
  await b1.post("/v1/spaces/acme/links/up", { do: "remove", data: "keep" });
  await b1.until(async () => (await b1.links.list("acme")).length === 0);
  await link.resume();
  await b2.until(() => b2.links.named("acme", "up") === null);
  expect(await b1.records()).toEqual({ "items/x": { n: 1 } });
});

test("[S4] [V3] a mirror of more records than are read at once is verified on PostgreSQL, and removed", async () => {
  const world = new World();
  const a = world.site("a");
  const names = Array.from({ length: 2_500 }, (_, n) => `r${n}`);
  for (const from of [0, 1_000, 2_000]) {
    await a.write(
      "ann",
      names.slice(from, from + 1_000).map((id) => insert(id, { n: 1 })),
    );
  }
  const b = world.site("b", {}, { store: await openPostgresStore({ url: await schemaUrl() }) });
  await b.post("/v1/spaces/acme/links", { name: "up", url: "http://a" });
  await world.settle(a, b);
  const wrong = JSON.stringify({ at: 1, holders: [1], data: { id: "r7", n: 5 } });
  await b.store.setNote("acme", "link/up/row/items/r7", wrong);
  expect((await b.link.verify())?.subscriptions[0]?.differences).toHaveLength(1);
  expect(await b.digest()).toBe(await a.digest());
  await b.post("/v1/spaces/acme/links/up", { do: "remove", data: "delete" });
  await b.until(async () => (await b.links.list("acme")).length === 0);
  expect(await b.records()).toEqual({});
});

test("[S27 R7] a copy that one server had begun to take in is taken in to its end by another on the same database", async () => {
  const world = new World();
  const url = await schemaUrl();
  const a = world.site("a");
  const text = "x".repeat(900);
  for (let from = 0; from < 5_000; from += 1_000) {
    await a.write(
      "ann",
      Array.from({ length: 1_000 }, (_, i) => insert(`r${from + i}`, { text })),
    );
  }
  const b1 = world.site("b1", { up: { url: "http://a" } }, { store: await openPostgresStore({ url }) });
  let ended: Promise<void> | null = null;
  b1.store.watch((space) => {
    if (space === "acme") ended ??= b1.links.close();
  });
  await b1.until(() => ended !== null);
  await ended;
  expect((await b1.head()).revision).toBeLessThan(5);
  const b2 = world.site("b2", { up: { url: "http://a" } }, { store: await openPostgresStore({ url }) });
  await world.settle(a, b2);
  expect(await b2.digest()).toBe(await a.digest());
  // What was taken in before is no change.
  expect((await b2.head()).revision).toBeLessThanOrEqual(6);
});
