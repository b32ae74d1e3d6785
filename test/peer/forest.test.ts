// Servers form a forest (S3): no ring, no second upstream of a scope, no link of a space to itself.
import { describe, expect, test } from "vitest";
import { insert } from "../support/server.ts";
import { type Site, World } from "./support.ts";

async function paused(site: Site): Promise<void> {
  await site.links.order("acme", "up", { do: "pause" });
  await site.until(() => site.link.states.now?.state === "paused");
}

describe("a link that would close a ring", () => {
  test("[S3 S12] of two servers is refused at the handshake, and the path is named", async () => {
    const world = new World();
    const a = world.site("a", { up: { url: "http://b" } });
    await paused(a);
    const b = world.site("b", { up: { url: "http://a" } });
    await b.round();
    await a.links.order("acme", "up", { do: "resume" });
    await a.until(() => a.link.states.now?.state === "refused");
    expect((await b.state())?.state).toBe("running");
    expect((await a.state())?.cause).toMatch(
      /would close a ring: acme@\S+ would follow acme@\S+, and acme@\S+ follows acme@\S+/,
    );
  });

  test("[S3] of three is seen through the server between them", async () => {
    const world = new World();
    const a = world.site("a", { up: { url: "http://c" } });
    await a.write("start", []);
    await paused(a);
    const b = world.site("b", { up: { url: "http://a" } });
    await b.round();
    const c = world.site("c", { up: { url: "http://b" } });
    await c.round();
    await a.links.order("acme", "up", { do: "resume" });
    await a.until(() => a.link.states.now?.state === "refused");
    expect((await a.state())?.cause?.match(/acme@/g)).toHaveLength(6);
    await a.write("ann", [insert("x", { n: 1 })]);
    await world.settle(b, c);
    expect(await c.digest()).toBe(await a.digest());
  });

  test("[S3] of one space to itself is refused", async () => {
    const world = new World();
    const a = world.site("a", { up: { url: "http://a" } });
    await a.until(() => a.link.states.now?.state === "refused");
    expect((await a.state())?.cause).toContain("a space does not follow itself");
  });
});

test("[S3] a link that gives a scope a second upstream is refused, with the name of the first", async () => {
  const world = new World();
  const b = world.site("b", {
    up: { url: "http://a", scopes: ["box/1"] },
    other: { url: "http://c", scopes: ["box/*"] },
  });
  await b.until(() => b.links.named("acme", "other")?.states.now?.state === "refused");
  const [, other] = await b.links.list("acme");
  expect(other?.cause).toBe("the link up brings box/1 already, and a scope has one upstream: leave out box/*");
});
