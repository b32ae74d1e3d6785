// A server that follows another: what is written above arrives below, with its journal (section S).
import { describe, expect, test } from "vitest";
import type { Authorize } from "../../src/model/grant.ts";
import { conflictName } from "../../src/peer/names.ts";
import { insert, remove, update } from "../support/server.ts";
import { type Site, World } from "./support.ts";

describe("a link that pulls", () => {
  test("[S14 S10] what is written upstream becomes revisions here, by the link as its author, with upstream's revision", async () => {
    const world = new World();
    const [a, b] = await world.chain("ab");
    await a?.write("ann", [insert("x", { n: 1 }), insert("y", { n: 2 })]);
    await world.settle(a as never, b as never);
    await a?.write("ann", [update("x", { n: 3 }), remove("y")]);
    await world.settle(a as never, b as never);
    expect(await b?.records()).toEqual({ "items/x": { n: 3 } });
    const answer = await b?.store.read("acme", [{ kind: "journal", after: 0, limit: 10 }]);
    const entries = answer?.results[0] ?? [];
    expect(entries.map((entry) => !entry.cut && entry.author)).toEqual(["\nlink:up", "\nlink:up"]);
    const origins = entries.map((entry) => !entry.cut && entry.mutation);
    expect(origins).toEqual([1, 2]);
  });

  test("[S4] along a chain of four every server has the same fingerprint, and an equal value makes no revision", async () => {
    const world = new World();
    const sites = await world.chain("abcd");
    await sites[0]?.write("ann", [insert("x", { n: 1 })]);
    await world.settle(...sites);
    const before = await sites[3]?.head();
    await sites[3]?.link.verify();
    await world.settle(...sites);
    expect(new Set(await Promise.all(sites.map((site) => site.digest()))).size).toBe(1);
    expect((await sites[3]?.head())?.revision).toBe(before?.revision);
    expect(await sites[3]?.records()).toEqual({ "items/x": { n: 1 } });
  });

  test("[S11] what is written here stays until upstream writes the atom, and is in the conflict log then", async () => {
    const world = new World();
    const [a, b] = (await world.chain("ab")) as [Site, Site];
    await a.write("ann", [insert("x", { n: 1, m: 1 })]);
    await world.settle(a, b);
    await b.write("bob", [update("x", { n: 7 })]);
    await a.write("ann", [update("x", { m: 2 })]);
    await world.settle(a, b);
    expect(await b.records()).toEqual({ "items/x": { n: 7, m: 2 } });
    await a.write("ann", [update("x", { n: 3 })]);
    await world.settle(a, b);
    expect(await b.records()).toEqual({ "items/x": { n: 3, m: 2 } });
    const details = await b.links.show("acme", "up");
    expect(details?.conflictLog).toMatchObject([{ atoms: { n: 7 }, author: { client: "bob" }, reason: "overwritten" }]);
  });

  test("[S17] verify tells what is otherwise here than upstream has it, and leaves it", async () => {
    const world = new World();
    const [a, b] = (await world.chain("ab")) as [Site, Site];
    await a.write("ann", [insert("x", { n: 1 }), insert("y", { n: 1 })]);
    await world.settle(a, b);
    expect((await b.link.verify())?.own).toEqual([]);
    await b.write("bob", [update("x", { n: 7 }), insert("own", { n: 1 })]);
    expect((await b.link.verify())?.own).toEqual([
      { collection: "items", id: "own" },
      { collection: "items", id: "x" },
    ]);
    expect((await b.records())["items/x"]).toEqual({ n: 7 });
  });

  test("[S16] of the conflict log the newest hundred thousand are kept, and the newest are shown", async () => {
    const world = new World();
    const [a, b] = (await world.chain("ab")) as [Site, Site];
    await a.write("ann", [insert("x", { n: 1 })]);
    await world.settle(a, b);
    await b.links.close();
    await b.store.setNote("acme", "link/up/conflicts", "100000");
    await b.store.setNote("acme", conflictName("up", 1), "{}");
    await b.store.setNote("acme", conflictName("up", 2), "{}");
    const again = world.site("again", { up: { url: "http://a" } }, { store: b.store });
    await again.write("bob", [update("x", { n: 7 })]);
    await a.write("ann", [update("x", { n: 3 })]);
    await world.settle(a, again);
    expect(await again.store.note("acme", conflictName("up", 1))).toBeNull();
    expect(await again.store.note("acme", conflictName("up", 2))).toBe("{}");
    expect((await again.links.show("acme", "up"))?.conflictLog).toMatchObject([{ number: 100_001, atoms: { n: 7 } }]);
  });

  test("[S10] a record that leaves the scope upstream goes here, and a copy of many records is several revisions", async () => {
    const world = new World();
    // Where no authors are told, so many small records are one page.
    const authorize: Authorize = (_, action) => action.do !== "authors";
    const a = world.site("a", {}, { config: { auth: { authenticate: () => ({ id: "ann" }), authorize } } });
    for (let n = 0; n < 11; n++) {
      await a.write(
        "ann",
        Array.from({ length: 1000 }, (_, i) => insert(`r${n}-${i}`, { box: 1 })),
      );
    }
    const b = world.site("b", { up: { url: "http://a", scopes: ["box/1"] } });
    await world.settle(a, b);
    expect(await b.head("?scope=*")).toMatchObject({ revision: 3, scopes: { "*": { count: 11_000 } } });
    await a.write("ann", [update("r0-0", { box: 2 })]);
    await world.settle(a, b);
    expect(await b.head("?scope=*")).toMatchObject({ revision: 4, scopes: { "*": { count: 10_999 } } });
  });
});
