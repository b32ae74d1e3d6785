// Who wrote what, on which server, is told down and up a chain of links (S1, S24).
import { describe, expect, test } from "vitest";
import { auditEnd, auditOf, auditRun } from "../../src/model/audit.ts";
import { NOTHING_WANTED, NOTHING_WRITTEN } from "../../src/model/batch.ts";
import { originIn } from "../../src/model/origin.ts";
import { authorOf } from "../../src/model/record.ts";
import { identityOf } from "../../src/peer/identity.ts";
import type { Config, LinksConfig } from "../../src/server/index.ts";
import type { JournalEntry, Store } from "../../src/store/store.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { postgresStore } from "../support/postgres.ts";
import { insert, remove, update } from "../support/server.ts";
import { type Site, World } from "./support.ts";

const anybody = (request: Request) => ({
  id: /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "")?.[1] ?? "root",
});
const KNOWN: Config = { auth: { authenticate: anybody, authorize: () => true } };
const WITHHELD: Config = { auth: { authenticate: anybody, authorize: (_, action) => action.do !== "authors" } };

type Entry = JournalEntry & { readonly cut: false };

async function journalOf(site: Site): Promise<readonly Entry[]> {
  const answer = await site.store.read("acme", [{ kind: "journal", after: 0, limit: 1e6 }]);
  return (answer?.results[0] ?? []).filter((entry) => !entry.cut);
}

const as = (user: string) => ({ token: user });
const nameOf = async (site: Site) => (await identityOf(site.store, "acme", seededRandom("never"))) as string;

async function chain(
  names: string,
  link: Omit<LinksConfig[string][string], "url">,
  config = KNOWN,
  stores: Store[] = [],
) {
  const world = new World();
  const sites: Site[] = [];
  for (const [i, name] of [...names].entries()) {
    const up = { up: { url: `http://${names[i - 1]}`, token: `link-${name}`, ...link } };
    const store = stores[i];
    sites.push(world.site(name, i === 0 ? {} : up, { config, ...(store && { store }) }));
    await sites.at(-1)?.write("start", []);
  }
  return { world, sites };
}

/** What the newest entry about a record says. */
async function lastOf(site: Site, id: string) {
  const entry = (await journalOf(site)).findLast(({ changes }) => changes.some(({ change }) => change.id === id));
  const change = entry?.changes.find((each) => each.change.id === id)?.change;
  return { author: entry?.author, origin: change?.origin };
}

/** Records of which something lost against upstream. */
async function lostAt(site: Site): Promise<ReadonlySet<string>> {
  const shown = (await site.links.show("acme", "up")) as { conflictLog?: readonly { id: string }[] } | null;
  return new Set((shown?.conflictLog ?? []).map(({ id }) => id));
}

/** Every change that a link brought names its writer, and the journal of the server that it names says the same. */
async function checkOrigins(sites: readonly Site[]): Promise<number> {
  const journals = new Map<string, readonly Entry[]>();
  for (const site of sites) journals.set(await nameOf(site), await journalOf(site));
  let checked = 0;
  for (const site of sites) {
    const entries = journals.get(await nameOf(site)) ?? [];
    const lost = await lostAt(site);
    for (const { author, changes } of entries) {
      const brought = author.includes("\nlink:") || author.startsWith("link-");
      for (const { change } of changes) {
        if (!brought) expect(change.origin).toBeUndefined();
        const atoms = brought ? (change.after === null ? [null] : Object.keys(change.after)) : [];
        for (const atom of atoms) {
          const origin = originIn(change.origin, atom);
          // What went with an earlier record of the id may have no origin.
          if (origin === undefined && atom !== null && change.after?.[atom] === null) continue;
          // What was written here and upstream never had is taken back by nobody there.
          if (origin === undefined && atom === null && lost.has(change.id)) continue;
          expect(origin, JSON.stringify(change)).toBeDefined();
          const there = journals.get(origin?.server ?? "")?.find(({ revision }) => revision === origin?.revision);
          expect(there?.author).toBe(authorOf(origin?.user ?? "", origin?.client ?? ""));
          const same = there?.changes.find((each) => each.change.id === change.id)?.change;
          expect(same).toBeDefined();
          if (atom === null) expect(same?.after).toBeNull();
          else if (change.after?.[atom] !== null) expect(same?.after?.[atom]).toEqual(change.after?.[atom]);
          checked++;
        }
      }
    }
  }
  return checked;
}

async function checkChain(site: Site): Promise<void> {
  const head = await site.store.head("acme");
  if (head === null) throw new Error("there is no space");
  const audit = auditEnd(auditRun(auditOf(head.horizon), await journalOf(site)), head);
  expect(audit.finding).toBeNull();
}

describe("origins", () => {
  test("[S1] at a branch, and at the branch of a branch, each atom names who wrote it at headquarters", async () => {
    const { world, sites } = await chain("abc", {});
    const [a, b, c] = sites as [Site, Site, Site];
    await a.write("phone", [insert("x", { n: 1, m: 1 })], {}, as("ann"));
    await a.write("desk", [update("x", { m: 2 })], {}, as("bob"));
    await world.settle(a, b, c);
    const server = await nameOf(a);
    const ann = { server, revision: 1, user: "ann", client: "phone" };
    const bob = { server, revision: 2, user: "bob", client: "desk" };
    for (const site of [b, c]) {
      const answer = await site.store.read("acme", [{ kind: "row", collection: "items", id: "x" }]);
      const stamps = answer?.results[0]?.stamps;
      expect(stamps?.get("n")).toMatchObject({ author: "\nlink:up", origin: ann });
      expect(stamps?.get("m")).toMatchObject({ author: "\nlink:up", origin: bob });
    }
    await a.write("desk", [remove("x")], {}, as("bob"));
    await world.settle(a, b, c);
    const deleted = [{ server, revision: 3, user: "bob", client: "desk", mutation: 2 }];
    for (const site of [b, c]) expect((await lastOf(site, "x")).origin).toEqual(deleted);
    expect((await b.link).authors).toBe(true);
  });

  test("[S1] history and journal of a branch tell the origin", async () => {
    const { world, sites } = await chain("ab", {});
    const [a, b] = sites as [Site, Site];
    await a.write("phone", [insert("x", { n: 1 })], {}, as("ann"));
    await world.settle(a, b);
    const origin = [{ server: await nameOf(a), revision: 1, user: "ann", client: "phone" }];
    const history = await (await b.request("/v1/spaces/acme/history/items/x")).json();
    expect(history).toMatchObject({ versions: [{ author: { client: "link:up" }, origin }] });
    const journal = (await (await b.request("/v1/spaces/acme/journal")).json()) as { entries: object[] };
    expect(journal.entries.at(-1)).toMatchObject({ changes: [{ id: "x", origin }] });
  });

  test("[S24] what a branch sends up names its user there, and at other branches", async () => {
    const { world, sites } = await chain("abc", { direction: "both" });
    const [a, b, c] = sites as [Site, Site, Site];
    const other = world.site("d", { up: { url: "http://a", token: "link-d" } }, { config: KNOWN });
    await other.write("start", []);
    await world.settle(a, b, c, other);
    await c.write("tablet", [insert("y", { n: 1 })], {}, as("cem"));
    await world.settle(a, b, c, other);
    const origin = [{ server: await nameOf(c), revision: 1, user: "cem", client: "tablet", mutation: 1 }];
    expect((await lastOf(c, "y")).origin).toBeUndefined();
    for (const site of [a, b, other]) expect((await lastOf(site, "y")).origin).toEqual(origin);
    expect((await lastOf(a, "y")).author).toMatch(/^link-b\n/);
  });

  test("[S24] a link that may not know authors gets and tells none, works, and says so", async () => {
    const { world, sites } = await chain("ab", { direction: "both" }, WITHHELD);
    const [a, b] = sites as [Site, Site];
    await a.write("phone", [insert("x", { n: 1 })], {}, as("ann"));
    await b.write("tablet", [insert("y", { n: 1 })], {}, as("cem"));
    await world.settle(a, b);
    expect(await b.digest()).toBe(await a.digest());
    expect((await lastOf(b, "x")).origin).toBeUndefined();
    expect((await lastOf(a, "y")).origin).toBeUndefined();
    expect(await b.state()).toMatchObject({ state: "running", authors: false });
  });

  test("[S24] an origin that somebody names who may not is not heard", async () => {
    const { sites } = await chain("a", {}, WITHHELD);
    const [a] = sites as [Site];
    const origin = { server: "else@where", revision: 7, user: "ann", client: "phone" };
    await a.write("liar", [insert("x", { n: 1 })], { origin }, as("eve"));
    expect(await lastOf(a, "x")).toEqual({ author: "eve\nliar", origin: undefined });
  });

  test("[S24] who does not ask gets the same answer as ever", async () => {
    const { sites } = await chain("a", {});
    const [a] = sites as [Site];
    await a.write("phone", [insert("x", { n: 1 })], {}, as("ann"));
    const plain = JSON.stringify(await a.pull([{ scope: "*" }]));
    expect(plain).not.toContain("phone");
    expect(plain).not.toContain("authors");
    expect(JSON.stringify(await a.pull({ subscriptions: [{ scope: "*" }], authors: true }))).toContain(
      '"records":[{"id":"x","n":1}],"authors":[["ann","phone"]],"by":[[[0,1,0]]]}',
    );
  });

  test("[S1] what a repair brings names its writer", async () => {
    const { world, sites } = await chain("ab", {});
    const [a, b] = sites as [Site, Site];
    await a.write("phone", [insert("x", { n: 1 }), insert("y", { n: 1 })], {}, as("ann"));
    await world.settle(a, b);
    // The mirror loses a record, as by a fault of the disk.
    await b.store.write("acme", NOTHING_WANTED, () => ({
      ...NOTHING_WRITTEN,
      notes: new Map([["link/up/row/items/x", null]]),
    }));
    await b.write("here", [remove("x")]);
    await b.link.verify();
    await world.settle(a, b);
    const server = await nameOf(a);
    expect((await lastOf(b, "x")).origin).toEqual([{ server, revision: 1, user: "ann", client: "phone" }]);
  });

  test("[S1] what was deleted upstream while a write here waited names who deleted it", async () => {
    const { world, sites } = await chain("ab", { direction: "both" });
    const [a, b] = sites as [Site, Site];
    await a.write("phone", [insert("x", { n: 1 })], {}, as("ann"));
    await world.settle(a, b);
    let held = true;
    const answer = a.request.bind(a);
    a.request = async (path, init = {}) => {
      const pushes = path.endsWith("/push") && new Headers(init.headers).get("authorization") === "Bearer link-b";
      if (held && pushes) throw new TypeError("fetch failed");
      return await answer(path, init);
    };
    await b.write("tablet", [update("x", { n: 2 })], {}, as("cem"));
    await b.until(() => b.link.mirror.pending.size > 0);
    await a.write("desk", [remove("x")], {}, as("bob"));
    await b.until(async () => (await b.store.note("acme", "link/up/row/items/x")) === null);
    expect(await b.records()).toEqual({ "items/x": { n: 2 } });
    held = false;
    await world.settle(a, b);
    expect(await b.records()).toEqual({});
    expect((await lastOf(b, "x")).origin).toMatchObject([{ server: await nameOf(a), revision: 2, user: "bob" }]);
    expect(await b.store.read("acme", [{ kind: "notes", names: ["link/up/end/items/x"] }])).toMatchObject({
      results: [new Map()],
    });
  });

  test.for(["sqlite", "postgres"] as const)(
    "[S1] random writes everywhere keep their origins, and the chains verify (%s)",
    async (kind) => {
      const seed = String(process.env["TIDEMARK_SEED"] ?? 41);
      const random = seededRandom(`origins ${seed}`);
      for (const direction of ["pull", "both"] as const) {
        const stores = kind === "sqlite" ? [] : [0, 1, 2].map(() => postgresStore());
        const { world, sites } = await chain("abc", { direction }, KNOWN, stores);
        const writers = direction === "both" ? sites : sites.slice(0, 1);
        for (let n = 0; n < 120; n++) {
          const site = random.pick(writers);
          const id = `r${random.below(8)}`;
          const atoms = { [random.pick(["n", "m", "k"])]: random.chance(0.15) ? null : n };
          const write = random.chance(0.2) ? remove(id) : random.chance(0.5) ? insert(id, atoms) : update(id, atoms);
          const user = random.pick(["ann", "bob", "cem"]);
          await site.write(`${user}-${random.pick(["phone", "desk"])}`, [write], {}, as(user));
          if (random.chance(0.15)) await world.settle(...sites);
        }
        await world.settle(...sites);
        expect(new Set(await Promise.all(sites.map((site) => site.digest()))).size, seed).toBe(1);
        expect(await checkOrigins(sites), seed).toBeGreaterThan(50);
        for (const site of sites) await checkChain(site);
      }
    },
  );
});
