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
