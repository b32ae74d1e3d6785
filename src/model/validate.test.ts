import { describe, expect, it } from "vitest";
import { z } from "zod";
import { insert, remove, TestSpace, update } from "../../test/support/space.ts";
import { patternCovers } from "./grant.ts";
import { PUSH_LIMITS } from "./push.ts";
import type { Collection } from "./schema.ts";

const rejected = (code: string) => ({ status: "rejected", code, revision: 0 });

describe("validation", () => {
  it("[W7] a mutation that fails the schema is rejected with the path, takes no revision, and later ones go on", () => {
    const acme = new TestSpace({ issues: { schema: z.object({ id: z.string(), title: z.string() }) } });
    const outcome = acme.write("c1", [insert("i1", { title: "A" }), insert("i2", { title: 7 })]);
    expect(outcome).toMatchObject({ ...rejected("invalid-record"), path: "writes[1].record.title" });
    expect(acme.head.revision).toBe(0);
    expect(acme.write("c1", insert("i1", { title: "A" }))).toMatchObject({ id: 2, status: "applied" });
  });

  it("[W7] the schema checks the whole resulting record, and changes nothing", () => {
    const schema = z.object({ id: z.string(), title: z.string().trim(), done: z.boolean().default(false) });
    const acme = new TestSpace({ issues: { schema } });
    acme.write("c1", insert("i1", { title: " A ", more: 1 }));
    expect(acme.record("issues", "i1")).toEqual({ id: "i1", title: " A ", more: 1 });
    expect(acme.write("c1", update("i1", { title: null }))).toMatchObject({
      status: "rejected",
      code: "invalid-record",
    });
  });

  it.each(["other", "toString", "constructor"])(
    "[W7] a collection that is not configured is rejected: %s",
    (collection) => {
      const acme = new TestSpace({ issues: {} });
      const outcome = acme.write("c1", { op: "delete", collection, id: "i1" });
      expect(outcome).toMatchObject({ ...rejected("unknown-collection"), path: "writes[0].collection" });
      expect(outcome).toHaveProperty("message", expect.stringContaining(collection));
    },
  );

  const evil = (_: unknown, after: unknown) => (after as { tags: string[] }).tags.push("more") > 0;
  it.each<[string, object]>([
    ["write rule", { write: evil }],
    ["scopes", { scopes: (record: unknown) => (evil(null, record) ? [] : []) }],
    [
      "schema",
      {
        schema: {
          "~standard": { version: 1, vendor: "test", validate: (value: unknown) => (evil(null, value), { value }) },
        },
      },
    ],
  ])(
    "[W7] a %s that would change the record, also deep within, changes nothing and rejects the mutation",
    (_, collection) => {
      const acme = new TestSpace({ issues: {} });
      acme.write("c1", insert("i1", { tags: ["x"] }));
      acme.rules = { ...acme.rules, collections: { issues: collection as Collection } };
      expect(acme.write("c1", update("i1", { done: true }))).toMatchObject({ status: "rejected", code: "threw" });
      expect(acme.record("issues", "i1")).toEqual({ id: "i1", tags: ["x"] });
    },
  );

  const SECRET = "secret 1234";
  const thrown = () => {
    throw new Error(SECRET);
  };
  const later = async () => {
    throw new Error(SECRET);
  };
  it.each<[string, object]>([
    ["schema", { schema: { "~standard": { version: 1, vendor: "test", validate: thrown } } }],
    ["asynchronous schema", { schema: { "~standard": { version: 1, vendor: "test", validate: later } } }],
    ["schema without a result", { schema: { "~standard": { version: 1, vendor: "test", validate: () => undefined } } }],
    [
      "schema with a promise of its own kind",
      {
        schema: {
          "~standard": {
            version: 1,
            vendor: "test",
            validate: () => ({ then: (_: unknown, no: (e: Error) => void) => no(new Error(SECRET)) }),
          },
        },
      },
    ],
    ["scopes", { scopes: thrown }],
    ["asynchronous scopes", { scopes: later }],
    ["write rule", { write: thrown }],
    ["asynchronous write rule", { write: later }],
    ["policy", { atoms: { title: thrown } }],
  ])("[W7] a %s that throws rejects the mutation and tells no secret", (_, collection) => {
    const acme = new TestSpace({ issues: collection as Collection });
    const outcome = acme.write("c1", insert("i1", { title: "A" }));
    expect(outcome).toMatchObject(rejected("threw"));
    expect(JSON.stringify(outcome)).not.toContain(SECRET);
  });

  it("[M7] a record's size is bounded in UTF-8 bytes of its canonical text", () => {
    const acme = new TestSpace({ issues: {} }, { limits: { ...PUSH_LIMITS, record: 25 } });
    expect(acme.write("c1", insert("i1", { t: "1234567" })).status).toBe("applied");
    expect(acme.write("c1", insert("i2", { t: "123456é" }))).toMatchObject({ status: "rejected", code: "too-large" });
  });

  it("[A8] a record's atoms are bounded, those that were removed included", () => {
    const acme = new TestSpace({ issues: {} }, { limits: { ...PUSH_LIMITS, atoms: 2 } });
    acme.write("c1", insert("i1", { a: 1, b: 2 }));
    expect(acme.write("c1", update("i1", { a: null, c: 3 }))).toMatchObject({
      status: "rejected",
      code: "too-many-atoms",
    });
    expect(acme.write("c1", update("i1", { a: null })).status).toBe("applied");
  });

  it.each([
    ["a name against M7", ["p 1"]],
    ["a name that is no text", [7]],
    ["no list", "p/1"],
    ["more scopes than the bound", ["p/1", "p/2", "p/3"]],
  ])("[W11] scopes that cannot be are rejected: %s", (_, scopes) => {
    const acme = new TestSpace(
      { issues: { scopes: () => scopes as string[] } },
      { limits: { ...PUSH_LIMITS, scopes: 2 } },
    );
    expect(acme.write("c1", insert("i1"))).toMatchObject(rejected("bad-scope"));
  });
});

describe("permission to write", () => {
  /** i1 is in p/1, i2 in p/1 and p/2, i0 in none; the user may write to what its name lists. */
  function space(): TestSpace {
    const acme = new TestSpace({ issues: { scopes: (record) => record["in"] as string[] } });
    acme.write("c0", [insert("i0", { in: [] }), insert("i1", { in: ["p/1"] }), insert("i2", { in: ["p/1", "p/2"] })]);
    const authorize = (user: { id: string }, action: { do: string; scope?: string }) =>
      action.do === "write" && user.id.split(" ").some((pattern) => patternCovers(pattern, action.scope ?? ""));
    acme.rules = { ...acme.rules, authorize };
    return acme;
  }

  it.each([
    ["a scope that it enters", "p/2", insert("i9", { in: ["p/1", "p/2"] }), false],
    ["all scopes that it enters", "p/*", insert("i9", { in: ["p/1", "p/2"] }), true],
    ["one of the scopes that it stays in", "p/2", update("i2", { title: "B" }), true],
    ["none of the scopes that it stays in", "p/3", update("i2", { title: "B" }), false],
    ["not the scope that it leaves", "p/2", update("i1", { in: ["p/2"] }), false],
    ["not the scope that it goes to", "p/1", update("i1", { in: ["p/2"] }), false],
    ["both scopes of a move", "p/1 p/2", update("i1", { in: ["p/2"] }), true],
    ["one of the scopes of a deleted record", "p/1", remove("i2"), false],
    ["all scopes of a deleted record", "p/*", remove("i2"), true],
    ["no scope but `*`: of a record in no scope", "p/*", update("i0", { title: "B" }), false],
    ["`*`: of a record in no scope", "*", update("i0", { title: "B" }), true],
    ["all but `*`: of a record that comes to be in no scope", "p/1", update("i1", { in: [] }), false],
    ["all but `*`: of a new record in no scope", "p/*", insert("i9", { in: [] }), false],
  ])("[W11] who may write %s", (_, user, write, may) => {
    const outcome = space().write("c1", write, {}, user);
    expect(outcome).toMatchObject(may ? { status: "applied" } : { status: "rejected", code: "forbidden" });
  });

  it("[W11] a conflict tells nothing about a record that may not be written", () => {
    const acme = space();
    for (const write of [
      insert("i1", { in: ["p/3"] }),
      update("i1", { in: ["p/1"] }, { base: 0 }),
      update("i1", { x: { $add: 1 } }),
    ]) {
      expect(acme.write("c1", write, {}, "p/3")).toMatchObject({
        code: "forbidden",
        message: expect.not.stringContaining("p/1"),
      });
    }
  });

  it("[A3] an answer of `authorize` that is not true is no", () => {
    const acme = space();
    acme.rules = { ...acme.rules, authorize: () => "yes" as unknown as boolean };
    expect(acme.write("c1", update("i1", { title: "B" }))).toMatchObject({ code: "forbidden" });
  });

  it("[W11] a collection's rule sees the record before and after, and says why not", () => {
    const calls: unknown[] = [];
    const write: Collection["write"] = (before, after, user) => {
      calls.push([before, after, user.id]);
      return after !== null || "issues are never deleted";
    };
    const acme = new TestSpace({ issues: { write } });
    acme.write("c1", insert("i1", { title: "A" }));
    acme.write("c1", update("i1", { title: "B" }));
    const outcome = acme.write("c1", remove("i1"));
    expect(outcome).toMatchObject({
      status: "rejected",
      code: "rule",
      message: "issues are never deleted",
      path: "writes[0]",
    });
    expect(calls).toEqual([
      [null, { id: "i1", title: "A" }, "ann"],
      [{ id: "i1", title: "A" }, { id: "i1", title: "B" }, "ann"],
      [{ id: "i1", title: "B" }, null, "ann"],
    ]);
  });
});
