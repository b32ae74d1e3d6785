// What a link says of itself (S8), and when it runs (S1).
import { expect, test } from "vitest";
import { virtualClock } from "../../src/testing/clock.ts";
import { insert } from "../support/server.ts";
import { World } from "./support.ts";

const HOUR = 3_600_000;

test("[S1] [S8] with a schedule a link waits for its time, in its time zone, and runs then", async () => {
  const world = new World();
  const clock = virtualClock("schedule");
  const a = world.site("a", {}, { clock });
  const b = world.site(
    "b",
    { up: { url: "http://a", schedule: { cron: "0 3 * * *", timeZone: "Europe/Berlin" } } },
    { clock },
  );
  const wrote = a.write("ann", [insert("x", { n: 1 })]);
  await clock.run(2 * HOUR - 60_000);
  await wrote;
  expect(await b.records()).toEqual({});
  expect(b.link.states.now).toMatchObject({ state: "waiting", cause: "for 2026-01-01T02:00:00.000Z" });
  await clock.run(120_000);
  expect(await b.records()).toEqual({ "items/x": { n: 1 } });
  expect(b.link.states.now?.cause).toBe("for 2026-01-02T02:00:00.000Z");
});

test("[S8] upstream that is away makes a link crash and try again; the history tells it, also after a restart", async () => {
  const world = new World();
  const a = world.site("a");
  const b = world.site("b", { up: { url: "http://a" } });
  world.away.add("a");
  await b.until(() => b.link.states.now?.state === "crashing" || b.link.follows);
  await b.links.order("acme", "up", { do: "pause" });
  world.away.delete("a");
  await b.until(() => !b.link.follows && b.link.states.now?.state === "paused");
  await b.links.close();
  const again = world.site("again", { up: { url: "http://a" } }, { store: b.store });
  await again.until(() => again.link.states.now !== undefined);
  expect(again.link.states.now?.state).toBe("paused");
  await a.write("ann", [insert("x", { n: 1 })]);
  await again.links.order("acme", "up", { do: "resume" });
  await world.settle(a, again);
  const status = await again.state();
  expect(status?.state).toBe("running");
  expect(status?.history[0]?.state).toBe("paused");
  expect(await again.records()).toEqual({ "items/x": { n: 1 } });
});

test("[S8] a permission that upstream does not grant is told as the cause", async () => {
  const world = new World();
  const token = "t".repeat(8);
  const a = world.site(
    "a",
    {},
    {
      config: {
        auth: {
          authenticate: (request) => (request.headers.get("authorization") === `Bearer ${token}` ? { id: "b" } : null),
          authorize: (_, action) => !("scope" in action) || action.scope === "box/1",
        },
      },
    },
  );
  await a.write("ann", [insert("x", { box: 1 })], {}, { token });
  const wrong = world.site("wrong", { up: { url: "http://a", token: "wrong" } });
  await wrong.until(() => wrong.link.states.now?.state === "crashing");
  expect((await wrong.state())?.cause).toContain("of nobody that the server knows");
  const b = world.site("b", { up: { url: "http://a", token, scopes: ["box/1"] } });
  await b.round();
  expect(await b.records()).toEqual({ "items/x": { box: 1 } });
  const c = world.site("c", { up: { url: "http://a", token, scopes: ["box/2"] } });
  await c.until(() => c.link.states.now?.cause != null);
  expect((await c.state())?.cause).toBe("upstream does not grant this link box/2");
  expect(JSON.stringify(await Promise.all([b.state(), c.state()]))).not.toContain(token);
});
