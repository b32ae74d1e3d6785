// An erasure travels along links as a revision (K2).
import { expect, test } from "vitest";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { folderOf } from "../support/folder.ts";
import { filesWith } from "../support/plain.ts";
import { good, insert, problemIn, SPACE, update } from "../support/server.ts";
import { type Site, World } from "./support.ts";

const PLAIN = "Ada Lovelace-Byron";

async function chain(direction: "pull" | "both") {
  const world = new World();
  const folders = [folderOf(), folderOf(), folderOf()];
  const sites = folders.map((path, i) => {
    const links = i === 0 ? {} : { up: { url: `http://${"abc"[i - 1]}`, direction } };
    return world.site("abc"[i] as string, links, { store: openSqliteStore({ path }) });
  }) as [Site, Site, Site];
  for (const site of sites) await site.write("start", []);
  const erase = (site: Site, id = "ada") => site.post(`${SPACE}/erase`, { collection: "items", id });
  return { world, folders, sites, erase };
}

test.each(["pull", "both"] as const)(
  "[K2 K6 S4] removes it from each server of a chain (%s), with journal, mirror and conflict log",
  async (direction) => {
    const { world, folders, sites, erase } = await chain(direction);
    const [a, b] = sites;
    await a.write("ann", [insert("ada", { name: PLAIN, n: 1 }), insert("bob", { n: 1 })]);
    await world.settle(...sites);
    await b.write("bea", [update("ada", { name: `${PLAIN} of B` })]);
    await a.write("ann", [update("ada", { name: `${PLAIN} of A` })]);
    await world.settle(...sites);
    expect((await b.links.show("acme", "up"))?.conflictLog).toHaveLength(1);
    for (const folder of folders) expect(filesWith(folder, PLAIN)).not.toEqual([]);
    await good(await erase(a));
    await world.settle(...sites);
    for (const site of sites) expect(await site.records()).toEqual({ "items/bob": { n: 1 } });
    for (const folder of folders) expect(filesWith(folder, PLAIN)).toEqual([]);
    expect(new Set(await Promise.all(sites.map((site) => site.digest()))).size).toBe(1);
    expect((await b.links.show("acme", "up"))?.conflictLog).toEqual([]);
    expect(await b.store.orders()).toMatchObject([{ space: "acme", collection: "items", id: "ada" }]);
  },
);

test("[K6] what comes from upstream is erased there: below it would only come again", async () => {
  const { world, sites, erase } = await chain("pull");
  const [a, b] = sites;
  await a.write("ann", [insert("ada", { name: PLAIN })]);
  await b.write("bea", [insert("own", { name: PLAIN })]);
  await world.settle(...sites);
  expect(await problemIn(erase(b))).toMatchObject({
    code: "invalid",
    detail: expect.stringMatching(/the link up: erase it there/),
  });
  await good(await erase(b, "own"));
});

test("[K2] a new record that follows in the same delta arrives, and nothing of the old one stays", async () => {
  const { world, folders, sites, erase } = await chain("pull");
  const [a, , c] = sites;
  await a.write("ann", [insert("ada", { name: PLAIN })]);
  await world.settle(...sites);
  await good(await erase(a));
  await a.write("ann", [insert("ada", { name: "Ada Two" })]);
  await world.settle(...sites);
  expect(await c.records()).toEqual({ "items/ada": { name: "Ada Two" } });
  for (const folder of folders) expect(filesWith(folder, PLAIN)).toEqual([]);
});
