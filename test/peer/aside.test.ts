// What a server cannot take in stands aside, and holds up nothing else (S6).
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { insert, remove, update } from "../support/server.ts";
import { World } from "./support.ts";

const STRICT = { items: { schema: z.object({ id: z.string(), n: z.number().max(9) }) } };

describe("a record that the schema here refuses", () => {
  test("[S6] is set aside with its reason, and all others come in", async () => {
    const world = new World();
    const a = world.site("a");
    await a.write("ann", [insert("good", { n: 1 }), insert("bad", { n: 99 })]);
    const b = world.site("b", { up: { url: "http://a" } }, { config: { collections: STRICT } });
    await world.settle(a, b);
    expect(await b.records()).toEqual({ "items/good": { n: 1 } });
    const details = await b.links.show("acme", "up");
    expect(details).toMatchObject({ state: "running", aside: 1 });
    expect(details?.asideLog).toMatchObject([{ collection: "items", id: "bad", code: "invalid-record" }]);
  });

  test("[S6] comes in whole with a later change that is good, and goes with its deletion; mirrors agree", async () => {
    const world = new World();
    const a = world.site("a");
    await a.write("ann", [insert("bad", { n: 99 }), insert("worse", { n: 999 })]);
    const b = world.site("b", { up: { url: "http://a" } }, { config: { collections: STRICT } });
    await world.settle(a, b);
    await a.write("ann", [update("bad", { n: 2 }), remove("worse")]);
    await world.settle(a, b);
    expect(await b.records()).toEqual({ "items/bad": { n: 2 } });
    expect(await b.state()).toMatchObject({ aside: 0 });
    expect((await b.link.verify())?.subscriptions).toMatchObject([{ differences: [] }]);
  });

  test("[S6] is tried again when the server starts with another schema", async () => {
    const world = new World();
    const a = world.site("a");
    await a.write("ann", [insert("bad", { n: 99 })]);
    const { store } = a;
    const b = world.site("b", { up: { url: "http://a" } }, { config: { collections: STRICT } });
    await world.settle(a, b);
    const { store: kept } = b;
    const again = world.site(
      "again",
      { up: { url: "http://a" } },
      { config: { collections: { items: {} } }, store: kept },
    );
    await b.links.order("acme", "up", { do: "pause" });
    await b.links.close();
    await again.links.order("acme", "up", { do: "resume" });
    await again.until(async () => (await again.state())?.aside === 0);
    expect(await again.records()).toEqual({ "items/bad": { n: 99 } });
    expect(store).not.toBe(kept);
  });
});

test("[S6] a record that a second upstream offers is set aside", async () => {
  const world = new World();
  const a = world.site("a");
  const c = world.site("c");
  await a.write("ann", [insert("x", { box: 1, from: "a" })]);
  await c.write("cleo", [insert("x", { box: 2, from: "c" }), insert("y", { box: 2 })]);
  const b = world.site("b", {
    up: { url: "http://a", scopes: ["box/1"] },
    other: { url: "http://c", scopes: ["box/2"] },
  });
  const other = b.links.named("acme", "other");
  await b.until(async () => other?.follows === true && b.link.follows);
  await Promise.all([b.link.round(), other?.round()]);
  const asides = await Promise.all(["up", "other"].map((name) => b.links.show("acme", name)));
  expect(asides.flatMap((each) => each?.asideLog ?? [])).toMatchObject([
    { collection: "items", id: "x", code: "rule" },
  ]);
  expect(Object.keys(await b.records())).toEqual(["items/x", "items/y"]);
});

test("[S6] atoms and collections that the server in the middle does not know are stored and passed on", async () => {
  const world = new World();
  const scoped = { scopes: (record: { readonly [atom: string]: unknown }) => [`box/${record.box}`] };
  const knows = { config: { collections: { items: scoped, later: scoped } } };
  const a = world.site("a", {}, knows);
  const b = world.site(
    "b",
    { up: { url: "http://a", scopes: ["box/1"] } },
    { config: { collections: { items: scoped } } },
  );
  const c = world.site("c", { up: { url: "http://b", scopes: ["box/1"] } }, knows);
  await a.write("ann", [
    { op: "insert", collection: "later", record: { id: "l", box: 1, deep: { new: true } } },
    insert("x", { box: 1, unheard: "of" }),
    insert("z", { box: 2 }),
  ]);
  await world.settle(a, b, c);
  expect(await c.records()).toEqual({
    "items/x": { box: 1, unheard: "of" },
    "later/l": { box: 1, deep: { new: true } },
  });
});
