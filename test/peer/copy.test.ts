// The first copy of a link: taken in page by page, while others come to their turn, and killed it goes on (S24).
import { describe, expect, test } from "vitest";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import type { Store } from "../../src/store/store.ts";
import { folderOf } from "../support/folder.ts";
import { insert } from "../support/server.ts";
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

describe("a copy over a link", () => {
  test("[S24 S14] is taken in page by page, in revisions of at most a thousand records, and leaves nothing staged", async () => {
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

  test("[S24 R4] that ends in the middle goes on where it was: no page is asked for, or taken in, twice", async () => {
    const world = new World();
    const a = world.site("a");
    await fill(a, idsFrom(0, RECORDS));
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
});
