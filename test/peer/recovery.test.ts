// A link obeys R2 to R4 and V like any client (S4): servers that lose their place, above and below.
import { cpSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { folderOf } from "../support/folder.ts";
import { insert, update } from "../support/server.ts";
import { type Site, World } from "./support.ts";

/** The store of a site in a folder, and what brings a copy of it back. */
function kept() {
  const root = folderOf();
  let folder = join(root, "0");
  const backup = () => cpSync(folder, join(root, "backup"), { recursive: true });
  const restored = () => {
    folder = join(root, "restored");
    cpSync(join(root, "backup"), folder, { recursive: true });
    return openSqliteStore({ path: folder });
  };
  return { store: openSqliteStore({ path: folder }), backup, restored };
}

async function equal(...sites: Site[]): Promise<boolean> {
  return new Set(await Promise.all(sites.map((site) => site.digest()))).size === 1;
}

describe("a server that is restored from a backup", () => {
  test("[S4] [R2] upstream: its links notice, copy it anew, and offer again what it had taken from them", async () => {
    const world = new World();
    const { store, backup, restored } = kept();
    const a = world.site("a", {}, { store });
    await a.write("ann", [insert("x", { n: 1 })]);
    const b = world.site("b", { up: { url: "http://a", direction: "both" } });
    const c = world.site("c", { up: { url: "http://b", direction: "both" } });
    await world.settle(a, b, c);
    backup();
    await a.write("ann", [update("x", { n: 2 })]);
    await b.write("bob", [insert("y", { from: "b" })]);
    await c.write("cleo", [insert("z", { from: "c" })]);
    await world.settle(a, b, c);
    await a.end();
    const again = world.site("a", {}, { store: restored() });
    await again.write("other", [insert("w", { n: 1 })]);
    await world.settle(again, b, c);
    expect(await again.records()).toEqual({
      "items/x": { n: 1 },
      "items/y": { from: "b" },
      "items/z": { from: "c" },
      "items/w": { n: 1 },
    });
    expect(await equal(again, b, c)).toBe(true);
  });

  test("[S4] [R3] below: nothing is sent twice, and nothing that upstream had from it is lost", async () => {
    const world = new World();
    const { store, backup, restored } = kept();
    const a = world.site("a", {}, { config: { collections: { items: { atoms: { n: "sum" } } } } });
    await a.write("ann", [insert("x", { n: 1 })]);
    const link = { up: { url: "http://a", direction: "both" as const } };
    const config = { collections: { items: { atoms: { n: "sum" as const } } } };
    const b = world.site("b", link, { store, config });
    await world.settle(a, b);
    await b.write("bob", [update("x", { n: { $add: 10 } })]);
    await world.settle(a, b);
    backup();
    await b.write("bob", [update("x", { n: { $add: 100 } })]);
    await world.settle(a, b);
    await b.end();
    const again = world.site("b", link, { store: restored(), config });
    await again.write("bert", [update("x", { n: { $add: 1000 } })]);
    await world.settle(a, again);
    expect(await a.records()).toEqual({ "items/x": { n: 1111 } });
    expect(await equal(a, again)).toBe(true);
  });

  test("[S2] [W6] below: what lost is in its conflict log again, though upstream does not tell any more which part", async () => {
    const world = new World();
    const { store, backup, restored } = kept();
    const a = world.site("a");
    const link = { up: { url: "http://a", direction: "both" as const } };
    const b = world.site("b", link, { store });
    await b.write("bob", [insert("start", {})]);
    await world.settle(a, b);
    world.away.add("a");
    await b.write("bob", [insert("x", { n: 7 })]);
    await b.until(async () => (await b.state())?.queued === 1);
    backup();
    await a.write("ann", [insert("x", { n: 9 })]);
    world.away.delete("a");
    await world.settle(a, b);
    // Upstream learns with it that the outcome has arrived.
    await b.write("bob", [insert("y", {})]);
    await world.settle(a, b);
    await b.end();
    const again = world.site("b", link, { store: restored() });
    await world.settle(a, again);
    expect((await again.links.show("acme", "up"))?.conflictLog).toMatchObject([
      { id: "x", op: "insert", atoms: { n: 7 }, author: { client: "bob" }, reason: "superseded" },
    ]);
    expect(await equal(a, again)).toBe(true);
  });
});

test("[S4] [V3] a mirror with a wrong byte is found and repaired, and the space with it", async () => {
  const world = new World();
  const [a, b] = (await world.chain("ab")) as [Site, Site];
  await a.write("ann", [insert("x", { n: 1 }), insert("y", { n: 1 })]);
  await world.settle(a, b);
  await b.store.setNote(
    "acme",
    "link/up/row/items/x",
    JSON.stringify({ at: 1, holders: [1], data: { id: "x", n: 5 } }),
  );
  const report = await b.link.verify();
  expect(report?.subscriptions[0]?.differences).toHaveLength(1);
  expect((await b.link.verify())?.subscriptions[0]?.differences).toHaveLength(0);
  expect(await equal(a, b)).toBe(true);
});

test("[S4] [G2] a link that is older than the tombstones upstream gets a copy", async () => {
  const world = new World();
  const [a, b] = (await world.chain("ab", { direction: "both" })) as [Site, Site];
  await a.write("ann", [insert("x", { n: 1 }), insert("gone", { n: 1 })]);
  await world.settle(a, b);
  world.away.add("a");
  await a.write("ann", [{ op: "delete", collection: "items", id: "gone" }]);
  await b.write("bob", [update("x", { n: 2 })]);
  const revision = (await a.head()).revision;
  while (!(await a.store.cut("acme", { journal: revision, tombstones: revision, outcomes: 0 }, 100)).done);
  world.away.delete("a");
  await world.settle(a, b);
  expect(await a.records()).toEqual({ "items/x": { n: 2 } });
  expect(await equal(a, b)).toBe(true);
});
