// The first copy of a link: taken in page by page, while others come to their turn, and killed it goes on (S27).
import { describe, expect, test } from "vitest";
import { memoryStore } from "../../src/client/store/memory.ts";
import type { Row } from "../../src/client/store/store.ts";
import { originIn } from "../../src/model/origin.ts";
import { leftOver } from "../../src/peer/take-in.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import type { Store } from "../../src/store/store.ts";
import { folderOf } from "../support/folder.ts";
import { insert, remove, update } from "../support/server.ts";
import { type Site, World } from "./support.ts";

const RECORDS = 5_000;
const TEXT = "x".repeat(900);

/** Records of some pages: a page of a copy has about 1 MiB. */
async function fill(site: Site, ids: readonly string[], n = 1): Promise<void> {
  for (let at = 0; at < ids.length; at += 1_000) {
    await site.write(
      "ann",
      ids.slice(at, at + 1_000).map((id) => insert(id, { n, text: TEXT, box: 1 })),
    );
  }
}

const idsFrom = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `r${from + i}`);

/** Does something before each write into the space. */
function before(store: Store, work: () => void | Promise<void>): Store {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (name !== "write") return value.bind(target) as unknown;
      return async (...args: Parameters<Store["write"]>) => {
        if (args[0] === "acme") await work();
        return await target.write(...args);
      };
    },
  });
}

async function entriesOf(site: Site) {
  const answer = await site.store.read("acme", [{ kind: "journal", after: 0, limit: 1_000 }]);
  return (answer?.results[0] ?? []).flatMap((entry) => (entry.cut ? [] : [entry]));
}

async function notesOf(site: Site, root: string) {
  const query = { kind: "notes-between", from: `link/up/${root}/`, to: `link/up/${root}0`, limit: 1e6 } as const;
  return (await site.store.read("acme", [query]))?.results[0] ?? [];
}

/** The folder of a server whose link was killed in the middle of taking its first copy in. */
async function killedCopy(world: World): Promise<string> {
  const folder = folderOf();
  const first = openSqliteStore({ path: folder });
  let dead = false;
  const dying = before(first, () => {
    // As a process that was killed, it writes nothing from here on.
    if (dead) throw new Error("killed");
  });
  const b = world.site("b", { up: { url: "http://a" } }, { store: dying });
  first.watch((space) => {
    if (space === "acme") void b.head().then(({ revision }) => (dead ||= revision >= 2));
  });
  await b.until(() => dead);
  const taken = (await entriesOf(b)).reduce((sum, { changes }) => sum + changes.length, 0);
  expect(taken).toBeGreaterThan(0);
  expect(taken).toBeLessThan(RECORDS);
  await b.end();
  return folder;
}

/** Who wrote each record, and who deleted it at last, as far as a server that follows knows. */
async function writersAt(site: Site, ids: readonly string[]) {
  const keys = ids.map((id) => `items/${id}`);
  const rows = (await site.store.read("acme", [{ kind: "rows", keys }]))?.results[0];
  const ends = (await entriesOf(site)).flatMap(({ changes }) => changes.map(({ change }) => change));
  return ids.map((id, i) => {
    const row = rows?.get(keys[i] as string);
    if (row?.text == null) return ends.findLast((change) => change.id === id)?.origin?.map(({ client }) => client);
    return [row.stamps.get("n")?.origin?.client, row.stamps.get("box")?.origin?.client];
  });
}

describe("a copy over a link", () => {
  test("[S27 S14] is taken in page by page, in revisions of at most a thousand records, and leaves nothing staged", async () => {
    const world = new World();
    const a = world.site("a");
    await fill(a, idsFrom(0, RECORDS));
    const b = world.site("b", { up: { url: "http://a" } });
    await world.settle(a, b);
    expect(await b.digest()).toBe(await a.digest());
    const entries = await entriesOf(b);
    expect(entries.reduce((sum, { changes }) => sum + changes.length, 0)).toBe(RECORDS);
    expect(Math.max(...entries.map(({ changes }) => changes.length))).toBeLessThanOrEqual(1_000);
    expect(entries.at(-1)?.mutation).toBe(RECORDS / 1_000);
    expect([...(await notesOf(b, "staged")), ...(await notesOf(b, "page"))]).toEqual([]);
    expect(await b.store.note("acme", "link/up/partial")).toBeNull();
  });

  test("[S27 R4] that ends in the middle goes on where it was: no page is asked for, or taken in, twice", async () => {
    const world = new World();
    const a = world.site("a");
    await fill(a, idsFrom(0, RECORDS));
    const folder = await killedCopy(world);

    let asked = 0;
    const again = new World();
    again.site("a", {}, { store: a.store });
    const answered = again.fetch;
    const counting = Object.assign(again, {
      fetch: async (...args: Parameters<typeof answered>) => {
        const response = await answered(...args);
        if (String(args[0]).endsWith("/pull")) asked += (await response.clone().text()).length;
        return response;
      },
    });
    const c = counting.site("b", { up: { url: "http://a" } }, { store: openSqliteStore({ path: folder }) });
    await counting.settle(c);
    expect(await c.digest()).toBe(await a.digest());
    // The last page, which is not staged, at most.
    expect(asked).toBeLessThan(2 * 1_048_576);
    const changes = (await entriesOf(c)).flatMap((entry) => entry.changes.map(({ change }) => change.id));
    expect(new Set(changes).size).toBe(RECORDS);
    expect(changes.length).toBe(RECORDS);
  });

  test("[S24 S27] that was killed and goes on keeps who wrote what, also of what changed meanwhile and afterwards", async () => {
    const world = new World();
    const a = world.site("a");
    const ids = idsFrom(0, RECORDS);
    await fill(a, ids);
    const folder = await killedCopy(world);
    // By their keys the first two had been taken in, and the last two had not.
    const [early, gone, late, never] = ["r0", "r1", "r998", "r999"] as const;
    await a.write("bob", [update(early, { n: 2 }), update(late, { n: 2 }), remove(gone), remove(never)]);
    const b = world.site("b", { up: { url: "http://a" } }, { store: openSqliteStore({ path: folder }) });
    await world.settle(b);
    expect(await b.digest()).toBe(await a.digest());
    const meanwhile = new Set<string>([early, gone, late, never]);
    const rest = ids.filter((id) => !meanwhile.has(id));
    expect(new Set((await writersAt(b, rest)).map(String))).toEqual(new Set(["ann,ann"]));
    const changed = [["bob", "ann"], ["bob"], ["bob", "ann"]];
    expect(await writersAt(b, [early, gone, late])).toEqual(changed);
    for (const id of [early, late]) {
      const { origins } = (await b.link.mirror.get([`items/${id}`]))[0] as Row;
      expect([originIn(origins, "n")?.client, originIn(origins, "box")?.client]).toEqual(["bob", "ann"]);
    }

    await a.write("cem", [update("r2", { n: 3 }), update("r997", { n: 3 }), remove("r3"), remove("r996")]);
    await world.settle(b);
    const later = [["cem", "ann"], ["cem", "ann"], ["cem"], ["cem"]];
    expect(await writersAt(b, ["r2", "r997", "r3", "r996"])).toEqual(later);
    expect(await writersAt(b, [early, gone, late])).toEqual(changed);
  });

  test("[S27 H15] does not hold up a server that ends: what is not taken in yet is the next time", async () => {
    const world = new World();
    const a = world.site("a");
    await fill(a, idsFrom(0, RECORDS));
    const b = world.site("b", { up: { url: "http://a" } });
    let ended: Promise<void> | null = null;
    b.store.watch((space) => {
      if (space === "acme") ended ??= b.links.close();
    });
    await b.until(() => ended !== null);
    await ended;
    const { revision } = await b.head();
    expect(revision).toBeLessThan(RECORDS / 1_000);
    const again = world.site("again", { up: { url: "http://a" } }, { store: b.store });
    await world.settle(a, again);
    expect(await again.digest()).toBe(await a.digest());
    expect((await again.head()).revision).toBe(RECORDS / 1_000);
  });

  test("[S27 R2 P7] that is made anew drops what it does not bring, and touches nothing that is equal", async () => {
    const world = new World();
    const a = world.site("a");
    await fill(a, idsFrom(0, RECORDS));
    const b = world.site("b", { up: { url: "http://a" } });
    await world.settle(a, b);
    const { revision } = await b.head();
    // Upstream has another history now: without the first thousand, a hundred changed, one more before all others.
    const other = world.site("a");
    await fill(other, idsFrom(1_000, RECORDS));
    await fill(other, ["a-new"]);
    await other.write(
      "ann",
      idsFrom(1_000, 1_100).map((id) => update(id, { n: 2 })),
    );
    await world.settle(other, b);
    expect(await b.digest()).toBe(await other.digest());
    const changed = (await entriesOf(b)).filter((entry) => entry.revision > revision).flatMap(({ changes }) => changes);
    expect(changed.length).toBe(1_000 + 100 + 1);
    expect((await notesOf(b, "row")).length).toBe(RECORDS - 1_000 + 1);
  });

  test("[S27] of several scopes that is broken off and made anew for one alone leaves nothing of what it had taken in", async () => {
    const rows = (from: number, to: number, holders: readonly number[]) =>
      idsFrom(from, to).map((id): Row => ({ key: `items/${id}`, at: 1, holders, data: { id } }));
    const held = [...rows(0, 3, [1]), ...rows(3, 6, [1, 2]), ...rows(6, 9, [2])];
    const mirror = memoryStore();
    await mirror.write({ rows: new Map(held.map((row) => [row.key, row])) });
    const brought = new Map([["items/r0", held[0] as Row]]);
    const left = await leftOver(mirror, [1], brought);
    expect([...left].map(([key, row]) => [key, row?.holders ?? null])).toEqual([
      ["items/r1", null],
      ["items/r2", null],
      ["items/r3", [2]],
      ["items/r4", [2]],
      ["items/r5", [2]],
    ]);
  });
});

test("[U4 S27] while a copy is taken in, everything else that waits comes to its turn between any two of its transactions", async () => {
  const world = new World();
  const a = world.site("a");
  await fill(a, idsFrom(0, RECORDS));
  let turns = 0;
  let counting = true;
  const turn = () => {
    turns++;
    if (counting) setImmediate(turn);
  };
  setImmediate(turn);
  const at: number[] = [];
  const store = before(openSqliteStore({ path: ":memory:" }), () => void at.push(turns));
  const revisions: number[] = [];
  store.watch((space) => space === "acme" && revisions.push(at.at(-1) as number));
  const b = world.site("b", { up: { url: "http://a" } }, { store });
  await world.settle(a, b);
  counting = false;
  expect(revisions.length).toBeGreaterThanOrEqual(RECORDS / 1_000);
  expect(new Set(revisions).size).toBe(revisions.length);
});
