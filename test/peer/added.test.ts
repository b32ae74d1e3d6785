// Links that are added to a running server and removed from it (S13).
import { describe, expect, test } from "vitest";
import { rootOf, under } from "../../src/peer/names.ts";
import type { LinkAddition } from "../../src/wire/links.ts";
import { insert, update } from "../support/server.ts";
import { type Site, World } from "./support.ts";

const UP = { name: "up", url: "http://a" };

function add(site: Site, link: LinkAddition) {
  return site.post("/v1/spaces/acme/links", link);
}

function remove(site: Site, data: "keep" | "delete", name = "up") {
  return site.post(`/v1/spaces/acme/links/${name}`, { do: "remove", data });
}

/** Everything that the space keeps of links. */
async function left(site: Site) {
  const all = { from: "link", to: "linl" };
  const answer = await site.store.read("acme", [{ kind: "notes-between", ...all, limit: 100 }]);
  return answer?.results[0].map(([name]) => name);
}

async function gone(site: Site): Promise<void> {
  await site.until(async () => (await site.links.list("acme")).length === 0);
}

describe("a link that is added to a running server", () => {
  test("[S13] runs at once, also after a restart, and says that no configuration names it", async () => {
    const world = new World();
    const a = world.site("a");
    await a.write("ann", [insert("x", { n: 1 })]);
    const b = world.site("b");
    const answer = await add(b, { ...UP, direction: "both" });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ name: "up", configured: false, space: "acme", direction: "both" });
    await world.settle(a, b);
    expect(await b.digest()).toBe(await a.digest());
    await b.links.close();
    const again = world.site("again", {}, { store: b.store });
    await again.until(async () => (await again.links.list("acme")).length === 1);
    await again.write("bob", [update("x", { n: 2 })]);
    await world.settle(a, again);
    expect(await a.records()).toEqual({ "items/x": { n: 2 } });
  });

  test("[S13] is refused with a name that is taken, a schedule that is none, and an address that is none", async () => {
    const world = new World();
    world.site("a");
    const b = world.site("b", { other: { url: "http://a", scopes: ["box/1"] } });
    const refused = async (link: LinkAddition) => ((await (await add(b, link)).json()) as { detail: string }).detail;
    expect(await refused({ ...UP, name: "other" })).toContain("there is a link other already");
    expect(await refused({ ...UP, name: "no name" })).toContain("a name matches");
    expect(await refused({ ...UP, url: "ftp://a" })).toContain("expected an address");
    expect(await refused({ ...UP, scopes: ["box/2"], schedule: "1 2 3 4 months" })).toContain("no cron expression");
    expect(await refused(UP)).toContain("the link other brings box/1 already");
    expect((await b.links.list("acme")).map(({ name }) => name)).toEqual(["other"]);
  });

  test("[S13] [S3] is refused where it would close a ring, and the path is named", async () => {
    const world = new World();
    const [a, b] = (await world.chain("ab")) as [Site, Site];
    await b.round();
    const answer = await add(a, { name: "down", url: "http://b" });
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as { detail: string }).detail).toContain("would close a ring");
    expect(await left(a)).toEqual([]);
  });

  test("[S13] is for who administers the server: who administers only the space is refused", async () => {
    const world = new World();
    world.site("a");
    const authenticate = (request: Request) => ({ id: request.headers.get("authorization")?.slice(7) ?? "" });
    const authorize = (user: { id: string }, action: { do: string; space: string }) =>
      user.id === "root" || action.space !== "*";
    const b = world.site("b", {}, { config: { auth: { authenticate, authorize } } });
    expect((await b.post("/v1/spaces/acme/links", UP, { token: "tenant" })).status).toBe(403);
    expect((await b.post("/v1/spaces/acme/links", UP, { token: "root" })).status).toBe(200);
  });
});

describe("a link that is removed", () => {
  test("[S13] leaves its records as they are, and nothing else", async () => {
    const world = new World();
    const [a, b] = [world.site("a"), world.site("b")];
    await a.write("ann", [insert("x", { n: 1 }), insert("y", { n: 1 })]);
    await add(b, { ...UP, direction: "both" });
    await world.settle(a, b);
    expect((await left(b))?.length).toBeGreaterThan(3);
    expect(await (await remove(b, "keep")).json()).toEqual({ queued: 0, unsent: 0, conflicts: 0 });
    await gone(b);
    expect(await left(b)).toEqual([]);
    expect(await b.records()).toEqual(await a.records());
    await b.write("bob", [update("x", { n: 2 })]);
    expect((await a.records())["items/x"]).toEqual({ n: 1 });
  });

  test("[S13] takes its records along where that is asked, but for what upstream never had", async () => {
    const world = new World();
    const [a, b] = [world.site("a"), world.site("b")];
    await a.write("ann", [insert("x", { n: 1 }), insert("y", { n: 1 })]);
    await add(b, { ...UP, direction: "both" });
    await world.settle(a, b);
    world.away.add("a");
    await b.write("bob", [update("x", { n: 2 }), insert("own", { n: 3 })]);
    await remove(b, "delete");
    await gone(b);
    expect(await b.records()).toEqual({ "items/x": { n: 2 }, "items/own": { n: 3 } });
    expect(await left(b)).toEqual([]);
  });

  test("[S13] goes on with that where its server ended in the middle", async () => {
    const world = new World();
    const [a, b] = [world.site("a"), world.site("b")];
    await a.write("ann", [insert("x", { n: 1 })]);
    await add(b, UP);
    await world.settle(a, b);
    const removed = remove(b, "delete");
    await b.until(async () => (await b.store.note("acme", "links/up"))?.includes('"removing":"delete"') ?? true);
    await b.links.close();
    await removed;
    const again = world.site("again", {}, { store: b.store });
    await again.until(async () => (await left(again))?.length === 0);
    expect(await again.records()).toEqual({});
  });

  test("[S13] may be one that no configuration names any longer; one that it names is refused", async () => {
    const world = new World();
    const [a, b] = (await world.chain("ab")) as [Site, Site];
    await a.write("ann", [insert("x", { n: 1 })]);
    await world.settle(a, b);
    expect(((await (await remove(b, "keep")).json()) as { detail: string }).detail).toContain("in the configuration");
    expect((await remove(b, "keep", "nobody")).status).toBe(404);
    await b.links.close();
    const again = world.site("again", {}, { store: b.store });
    expect((await add(again, UP)).status).toBe(400);
    await remove(again, "keep");
    await gone(again);
    const { from, to } = under(rootOf("up"));
    const answer = await again.store.read("acme", [{ kind: "notes-between", from, to, limit: 1 }]);
    expect(answer?.results[0]).toEqual([]);
    expect(await again.records()).toEqual({ "items/x": { n: 1 } });
  });
});
