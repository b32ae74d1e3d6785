import { describe, expect, test } from "vitest";
import type { Source } from "../../src/ingest/source.ts";
import { ga4 } from "../../src/ingest/sources/definitions/ga4.ts";
import { matomo } from "../../src/ingest/sources/definitions/matomo.ts";
import { plausible } from "../../src/ingest/sources/definitions/plausible.ts";
import { bearer } from "../../src/ingest/sources/http/auth.ts";
import { ga4Stub, json, matomoStub, plausibleStub } from "../../src/testing/stubs/index.ts";
import { Held, World } from "./http-support.ts";

const NOW = Date.parse("2026-01-01T00:00:00Z");
const MINUTE = 60_000;
const DAY = 86_400_000;
const only = (source: Source) => source.streams[0] as Source["streams"][number];

describe("GA4", () => {
  function place() {
    const stub = ga4Stub({ token: "ya29" });
    const reports = [{ name: "visits", dimensions: ["country"], metrics: ["activeUsers"] }];
    const source = ga4({
      property: "1",
      auth: bearer("ya29"),
      reports,
      from: "2025-12-20",
      address: "http://ga.test/v1beta",
    });
    return { stub, stream: only(source), world: new World(stub.handler) };
  }

  test("[I37] days are replaced until they are settled, three days later; an empty report has no rows", async () => {
    const { stub, stream, world } = place();
    stub.days.set("2025-12-21", [{ country: "DE", activeUsers: "12" }]);
    stub.days.set("2025-12-30", [
      { country: "DE", activeUsers: "3" },
      { country: "(other)", activeUsers: "1" },
    ]);
    const first = await world.read(stream, null);
    expect(first).toMatchObject({ error: undefined, last: "complete", cursor: { day: "2025-12-28" } });
    const held = new Held().take(first);
    expect(held.records.get("2025-12-21|DE")).toEqual({ date: "2025-12-21", country: "DE", activeUsers: 12 });
    stub.days.set("2025-12-30", [{ country: "DE", activeUsers: "4" }]);
    held.take(await world.read(stream, first.cursor));
    expect(held.keys()).toEqual(["2025-12-21|DE", "2025-12-30|DE"]);
    expect(held.records.get("2025-12-30|DE")).toMatchObject({ activeUsers: 4 });
  });

  test("[I37] a day with more rows than a page holds comes whole, in one page", async () => {
    const { stub, stream, world } = place();
    stub.days.set(
      "2025-12-31",
      Array.from({ length: 25_000 }, (_, i) => ({ country: `c${i}`, activeUsers: "1" })),
    );
    const read = await world.read(stream, { day: "2025-12-30" });
    expect(read.pages[0]?.changes.length).toBe(25_000);
    expect(read.pages[0]?.replaces).toEqual([["2025-12-31"]]);
  });

  test("[I37] when the day's tokens are spent it goes on at midnight in California", async () => {
    const { stub, stream, world } = place();
    stub.state.tokensLeft = 20;
    const read = await world.read(stream, null);
    expect(read.pages.length).toBe(2);
    expect(read.error).toMatchObject({ code: "busy", retryAt: Date.parse("2026-01-01T08:00:00Z") });
    expect(stub.asked.length).toBe(2);
  });
});

describe("Matomo", () => {
  function place() {
    const stub = matomoStub({ token: "hush-hush" });
    const source = matomo({ address: "http://matomo.test/", token: "hush-hush", site: "1", from: "2025-12-01" });
    return { stub, source, stream: only(source), world: new World(stub.handler) };
  }

  test("[I37] visits by the time of their last action, one that goes on comes again; the token is in no address", async () => {
    const { stub, stream, world } = place();
    const visit = (id: number, ago: number, actions = 1) =>
      stub.visits.set(id, { id, lastAction: (NOW - ago) / 1000, actions });
    for (let id = 1; id <= 450; id++) visit(id, 5 * DAY - Math.floor(id / 150) * 1000);
    const first = await world.read(stream, null);
    expect(first).toMatchObject({ error: undefined, last: "complete" });
    const held = new Held().take(first);
    expect(held.records.size).toBe(450);
    visit(3, 10 * MINUTE, 2);
    visit(451, 50 * MINUTE);
    const second = await world.read(stream, first.cursor);
    held.take(second);
    expect(held.records.get("3")).toMatchObject({ actions: "2" });
    expect(held.records.size).toBe(451);
    expect(stub.asked.every(({ query }) => !query.has("token_auth"))).toBe(true);
  });

  test("[I37] an error that comes with status 200 is one", async () => {
    const { stub, stream, world } = place();
    stub.trouble = () =>
      json({ result: "error", message: "You can't access this resource as it requires 'view' access." });
    expect(await world.read(stream, null)).toMatchObject({ pages: [], error: { code: "denied" } });
  });
});

describe("Plausible", () => {
  test("[I37] days by pages of offset, replaced until they are settled", async () => {
    const stub = plausibleStub({ token: "pl" });
    const world = new World(stub.handler);
    const reports = [{ name: "sources", dimensions: ["visit:source"], metrics: ["visitors", "pageviews"] }];
    const stream = only(
      plausible({ token: "pl", site: "x.org", reports, from: "2025-12-28", address: "http://plausible.test" }),
    );
    stub.days.set(
      "2025-12-29",
      Array.from({ length: 2500 }, (_, i) => ({ dimensions: [`s${i}`], metrics: [i, 2 * i] })),
    );
    stub.days.set("2026-01-01", [{ dimensions: ["(not set)"], metrics: [1, 2] }]);
    const first = await world.read(stream, null);
    expect(first).toMatchObject({ error: undefined, last: "complete", cursor: { day: "2025-12-29" } });
    const held = new Held().take(first);
    expect(held.records.size).toBe(2501);
    expect(held.records.get("2025-12-29|s7")).toEqual({
      day: "2025-12-29",
      visit_source: "s7",
      visitors: 7,
      pageviews: 14,
    });
    stub.days.set("2026-01-01", []);
    held.take(await world.read(stream, first.cursor));
    expect(held.records.size).toBe(2500);
  });
});
