import { describe, expect, it } from "vitest";
import { z } from "zod";
import { inherit } from "../model/inherit.ts";
import { collection } from "../model/schema.ts";
import { ageOf } from "./age.ts";
import { type Config, ConfigError, defineConfig, settingsOf } from "./config.ts";

function mistakes(config: unknown): readonly string[] {
  try {
    settingsOf(config as Config);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
}

describe("configuration", () => {
  it("[M7] [A8] has a default for everything", () => {
    const settings = settingsOf();
    expect(settings.limits).toMatchObject({
      record: 1_048_576,
      body: 8_388_608,
      depth: 32,
      mutations: 1_000,
      writes: 1_000,
    });
    expect(settings.limits).toMatchObject({
      wait: 60,
      ranges: 1_000,
      fanout: 64,
      leaf: 1_000,
      unacked: 10_000,
      atoms: 1_000,
      scopes: 32,
    });
    expect(settings.limits.rate).toMatchObject({ requests: 1_000, writes: 100_000 });
    expect(settings).toMatchObject({ spaces: "open", schema: null, restore: "heal", origins: [] });
  });

  it("[G4] [G2] keeps tombstones for 90 days, and at least as long as the journal", () => {
    const day = 86_400_000;
    expect(settingsOf().retention).toMatchObject({ tombstones: 90 * day, journal: 90 * day, outcomes: 90 * day });
    expect(settingsOf({ retention: { journal: "30d" } }).retention).toMatchObject({
      journal: 30 * day,
      tombstones: 90 * day,
    });
    expect(settingsOf({ retention: { journal: "forever" } }).retention.tombstones).toBe(Number.POSITIVE_INFINITY);
  });

  it("takes any Standard Schema, and gives the configuration back as it is", () => {
    const City = z.object({ id: z.string(), country: z.string() });
    const config = defineConfig({
      spaces: ["acme"],
      collections: { cities: collection({ schema: City, scopes: (r) => [`country/${r.country}`] }) },
      limits: { rate: false },
    });
    expect(settingsOf(config).collections).toBe(config.collections);
    expect(settingsOf(config).limits.rate).toBeNull();
  });

  it.each([
    [{ spaces: "all" }, 'spaces: expected "open" or a list of names'],
    [{ spaces: ["Acme"] }, "spaces[0]: expected another name"],
    [{ collections: { "a-b": {} } }, "collections.a-b: expected another name"],
    [{ collections: { a: { scopes: ["x"] } } }, "collections.a.scopes: expected a function"],
    [{ collections: { a: { schema: {} } } }, "collections.a.schema: expected a Standard Schema"],
    [
      { collections: { a: { atoms: { n: "max" } } } },
      'collections.a.atoms.n: expected "server", "client", "sum", "set"',
    ],
    [{ collections: { a: { scope: () => [] } } }, "collections.a.scope: there is no such key"],
    [{ limits: { bodies: 3 } }, "limits.bodies: there is no such key"],
    [{ limits: { body: -1 } }, "limits.body: expected a number above 0"],
    [{ auth: { jwtSecret: "short" } }, "auth.jwtSecret: expected at least 32 characters"],
    [{ auth: { jwks: "keys.json" } }, "auth.jwks: expected an address"],
    [
      { auth: { authorize: () => true } },
      "auth.authorize: expected jwtSecret, jwks, authenticate or `users` beside it",
    ],
    [{ auth: { open: true, jwtSecret: "x".repeat(32) } }, "auth.open: expected no `open`"],
    [{ origins: ["https://app.example/"] }, "origins[0]: expected an origin"],
    [{ retention: { journal: "a month" } }, "retention.journal: expected an age"],
    [{ restore: "undo" }, 'restore: expected one of "heal"|"discard"'],
    [{ schema: { version: "1" } }, "schema.version: expected"],
    [{ port: 80 }, "port: there is no such key"],
    [7, "configuration: expected object"],
  ])("names the path of a mistake and what was expected: %j", (config, text) => {
    expect(mistakes(config)).toHaveLength(1);
    expect(mistakes(config)[0]).toContain(text);
  });

  it("[T1] refuses to adopt a table for a collection that has parents or children", () => {
    const collections = { tasks: {}, comments: { scopes: inherit("taskId", "tasks") } };
    for (const collection of ["tasks", "comments"]) {
      const adopt = { acme: { tables: { [collection]: { table: "crm.rows" } } } };
      expect(mistakes({ collections, adopt })).toEqual([expect.stringContaining("neither inherits scopes")]);
    }
  });

  it("names all mistakes at once", () => {
    expect(mistakes({ spaces: 1, restore: 2, extra: 3 })).toHaveLength(3);
  });
});

describe("ages", () => {
  it.each([
    ["90s", 90_000],
    ["15m", 900_000],
    ["12h", 43_200_000],
    ["30d", 2_592_000_000],
    ["2w", 1_209_600_000],
    ["forever", Number.POSITIVE_INFINITY],
    ["0s", 0],
    ["1.5d", null],
    ["30", null],
    ["-1d", null],
  ])("%s", (text, ms) => expect(ageOf(text)).toBe(ms));
});
