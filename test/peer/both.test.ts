// A link in both directions: what is written below goes up, and where two disagree upstream's value stands (S2).
import { describe, expect, test } from "vitest";
import { insert, remove, update } from "../support/server.ts";
import { type Site, World } from "./support.ts";

const BOTH = { direction: "both" } as const;

async function pair(options: Parameters<World["chain"]>[2] = {}) {
  const world = new World();
  const [a, b] = (await world.chain("ab", BOTH, options)) as [Site, Site];
  return { world, a, b };
}

describe("a link in both directions", () => {
  test("[S2] what is written here goes upstream, and what upstream writes comes here", async () => {
    const { world, a, b } = await pair();
    await a.write("ann", [insert("x", { n: 1 })]);
    await b.write("bob", [insert("y", { n: 2 })]);
    await world.settle(a, b);
    await b.write("bob", [update("x", { n: 5 })]);
    await a.write("ann", [remove("y")]);
    await world.settle(a, b);
    expect(await a.records()).toEqual({ "items/x": { n: 5 } });
    expect(await b.digest()).toBe(await a.digest());
    expect(await b.state()).toMatchObject({ state: "running", conflicts: 0, queued: 0, unsent: 0 });
  });

  test("[S2 S12 H9] what is written here makes the space upstream where it is not there yet", async () => {
    const world = new World();
    const [a, b] = [world.site("a"), world.site("b", { up: { url: "http://a", ...BOTH } })];
    await b.write("bob", [insert("x", { n: 1 })]);
    await world.settle(a, b);
    expect(await a.records()).toEqual({ "items/x": { n: 1 } });
    expect(await b.digest()).toBe(await a.digest());
  });

  test("[S2] upstream wins per atom, and what lost is in the conflict log with value, author and origin", async () => {
    const { world, a, b } = await pair();
    await a.write("ann", [insert("x", { n: 1, m: 1 })]);
    await world.settle(a, b);
    world.away.add("a");
    await b.write("bob", [update("x", { n: 7, k: 7 })]);
    await a.write("ann", [update("x", { n: 9 })]);
    world.away.delete("a");
    await world.settle(a, b);
    expect(await a.records()).toEqual({ "items/x": { n: 9, m: 1, k: 7 } });
    expect(await b.records()).toEqual(await a.records());
    const { conflictLog } = (await b.links.show("acme", "up")) as never as { conflictLog: { atoms: object }[] };
    expect(conflictLog).toMatchObject([
      {
        number: 1,
        collection: "items",
        id: "x",
        op: "update",
        atoms: { n: 7 },
        author: { client: "bob" },
        reason: "newer",
      },
    ]);
    expect(conflictLog[0]?.atoms).toEqual({ n: 7 });
    expect(conflictLog[0]).toMatchObject({ upstream: { id: "x", n: 9, m: 1, k: 7 } });
  });

  test("[S2] operators go upstream as operators: every addition counts", async () => {
    const counted = { config: { collections: { items: { atoms: { n: "sum" as const } } } } };
    const { world, a, b } = await pair(counted);
    await a.write("ann", [insert("x", { n: 10 })]);
    await world.settle(a, b);
    await b.write("bob", [update("x", { n: { $add: 5 } })]);
    await a.write("ann", [update("x", { n: { $add: 3 } })]);
    await world.settle(a, b);
    expect(await a.records()).toEqual({ "items/x": { n: 18 } });
    expect(await b.records()).toEqual(await a.records());
  });

  test("[S4] a write at either end of a chain reaches all", async () => {
    const world = new World();
    const sites = await world.chain("abcd", BOTH);
    await sites[0]?.write("ann", [insert("x", { from: "a" })]);
    await sites[3]?.write("dan", [insert("y", { from: "d" })]);
    await sites[1]?.write("bob", [insert("z", { from: "b" })]);
    await world.settle(...sites);
    expect(await sites[0]?.records()).toEqual({
      "items/x": { from: "a" },
      "items/y": { from: "d" },
      "items/z": { from: "b" },
    });
    expect(new Set(await Promise.all(sites.map((site) => site.digest()))).size).toBe(1);
  });

  test("[S2 S11] a record that upstream refuses is taken back here, and kept in the conflict log", async () => {
    const world = new World();
    const a = world.site("a", {}, { config: { collections: { items: {} } } });
    await a.write("start", []);
    const b = world.site(
      "b",
      { up: { url: "http://a", ...BOTH } },
      { config: { collections: { items: {}, notes: {} } } },
    );
    await b.write("bob", [{ op: "insert", collection: "notes", record: { id: "n", text: "only here" } }]);
    await world.settle(a, b);
    expect(await b.records()).toEqual({});
    const details = await b.links.show("acme", "up");
    expect(details?.conflictLog).toMatchObject([
      { collection: "notes", id: "n", op: "insert", atoms: { text: "only here" }, upstream: null },
    ]);
    expect(details?.conflictLog[0]?.reason).toMatch(/^unknown-collection: /);
  });

  test("[S2 S11] an atom with a local write on its way shows upstream's value only with its outcome", async () => {
    const { world, a, b } = await pair();
    await a.write("ann", [insert("x", { n: 1 })]);
    await world.settle(a, b);
    const seen: unknown[] = [];
    b.store.watch(() => {
      void b.records().then((records) => seen.push(records["items/x"]));
    });
    world.away.add("a");
    await b.write("bob", [update("x", { n: 7 })]);
    await b.write("bob", [update("x", { n: 8 })]);
    await a.write("ann", [update("x", { n: 9 })]);
    world.away.delete("a");
    await world.settle(a, b);
    expect(seen).toEqual([{ n: 7 }, { n: 8 }, { n: 9 }]);
    const details = await b.links.show("acme", "up");
    expect(details?.conflictLog.map(({ atoms }) => atoms)).toEqual([{ n: 7 }, { n: 8 }]);
  });
});

describe("the journal is the queue", () => {
  test("[S5] an upstream that is away costs one row: what waits stays in the journal alone", async () => {
    const { world, a, b } = await pair();
    await a.write("ann", [insert("x", { n: 0 })]);
    await world.settle(a, b);
    world.away.add("a");
    for (let n = 1; n <= 600; n++) await b.write("bob", [update("x", { n })]);
    expect((await b.state())?.queued).toBeLessThanOrEqual(500);
    world.away.delete("a");
    await world.settle(a, b);
    expect(await a.records()).toEqual({ "items/x": { n: 600 } });
    expect(await b.state()).toMatchObject({ queued: 0, unsent: 0, conflicts: 0 });
  });

  test("[S11] nobody overwrites what he has not seen, however long the journal waited", async () => {
    const { world, a, b } = await pair();
    await a.write("ann", [insert("x", { n: 0 })]);
    await world.settle(a, b);
    world.away.add("a");
    for (let n = 1; n <= 600; n++) await b.write("bob", [update("x", { n })]);
    await a.write("ann", [update("x", { n: -1 })]);
    world.away.delete("a");
    await world.settle(a, b);
    expect(await a.records()).toEqual({ "items/x": { n: -1 } });
    expect(await b.records()).toEqual(await a.records());
    expect((await b.state())?.conflicts).toBe(600);
  });

  test("[S11] nor what had not been shown here yet, as something older was on its way", async () => {
    const { world, a, b } = await pair();
    await unshown(world, a, b);
    await b.write("bob", [update("x", { n: 8 })]);
    await b.until(async () => (await b.state())?.queued === 2);
    world.away.delete("a/push");
    await world.settle(a, b);
    expect(await a.records()).toEqual({ "items/x": { n: 9 } });
    expect(await b.state()).toMatchObject({ conflicts: 2 });
  });

  test("[S2] [S5] a transaction of more writes than a mutation may have goes up once, also where the queue has room for a part", async () => {
    const config = { collections: { items: { atoms: { n: "sum" as const } } }, limits: { writes: 1_001 } };
    const { world, a, b } = await pair({ config });
    const ids = Array.from({ length: 1_001 }, (_, i) => `x${i}`);
    await a.write(
      "ann",
      ids.map((id) => insert(id, { n: 0 })),
    );
    await world.settle(a, b);
    world.away.add("a");
    for (let n = 1; n <= 499; n++) await b.write("bob", [update("x0", { m: n })]);
    await b.write(
      "bob",
      ids.map((id) => update(id, { n: { $add: 1 } })),
    );
    await b.until(async () => (await b.state())?.queued === 500);
    world.away.delete("a");
    await world.settle(a, b);
    const counted = Object.values(await a.records()).map((record) => (record as { n: number }).n);
    expect(counted).toEqual(ids.map(() => 1));
    expect(await b.digest()).toBe(await a.digest());
  });

  test("[S9] what the journal no longer tells, since it was cut, is found by comparing space and mirror", async () => {
    const { world, a, b } = await pair();
    await a.write("ann", [insert("x", { n: 0 }), insert("gone", {}), insert("same", {})]);
    await world.settle(a, b);
    await unseen(b, async () => {
      await b.write("bob", [update("x", { n: 7 })]);
      await b.write("bob", [remove("gone")]);
      await b.write("bob", [insert("new", { n: 1 })]);
      await cut(b);
    });
    await world.settle(a, b);
    expect(await a.records()).toEqual({ "items/x": { n: 7 }, "items/new": { n: 1 }, "items/same": {} });
    expect(await b.digest()).toBe(await a.digest());
  });

  test("[S9] so is what was written to a record while something older of it was on its way", async () => {
    const { world, a, b } = await pair();
    await a.write("ann", [insert("x", { n: 0 })]);
    await world.settle(a, b);
    world.away.add("a");
    await b.write("bob", [update("x", { n: 7 })]);
    await b.until(async () => (await b.state())?.queued === 1);
    await unseen(b, async () => {
      await b.write("bob", [update("x", { m: 8 })]);
      await cut(b);
    });
    world.away.delete("a");
    await world.settle(a, b);
    expect(await a.records()).toEqual({ "items/x": { n: 7, m: 8 } });
    expect(await b.digest()).toBe(await a.digest());
  });

  test("[S9] [S11] and it overwrites nothing that was not shown here yet, as something older was on its way", async () => {
    const { world, a, b } = await pair();
    await unshown(world, a, b);
    await unseen(b, async () => {
      await b.write("bob", [update("x", { n: 8 })]);
      await cut(b);
    });
    world.away.delete("a/push");
    await world.settle(a, b);
    expect(await a.records()).toEqual({ "items/x": { n: 9 } });
    expect(await b.digest()).toBe(await a.digest());
    expect(await b.state()).toMatchObject({ conflicts: 2 });
  });
});

/** `x` is 9 upstream, which the mirror holds; here it is 7, which cannot be sent. */
async function unshown(world: World, a: Site, b: Site): Promise<void> {
  await a.write("ann", [insert("x", { n: 0 })]);
  await world.settle(a, b);
  world.away.add("a/push");
  await b.write("bob", [update("x", { n: 7 })]);
  await b.until(async () => (await b.state())?.queued === 1);
  await a.write("ann", [update("x", { n: 9 })]);
  await b.until(() => b.link.mirror.revision === 2);
  expect(await b.records()).toEqual({ "items/x": { n: 7 } });
}

async function cut(site: Site): Promise<void> {
  const { revision } = await site.head();
  const horizon = { journal: revision, tombstones: revision, outcomes: 0 };
  while (!(await site.store.cut("acme", horizon, 100)).done);
}

/** Done while the link does not run. */
async function unseen(site: Site, work: () => Promise<unknown>): Promise<void> {
  await site.links.order("acme", "up", { do: "pause" });
  await site.until(() => !site.link.follows);
  await work();
  await site.links.order("acme", "up", { do: "resume" });
}
