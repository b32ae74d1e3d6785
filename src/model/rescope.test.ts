import { describe, expect, it } from "vitest";
import { insert, remove, TestSpace } from "../../test/support/space.ts";
import { stepOf } from "./delta.ts";
import { SERVER } from "./record.ts";
import { rescope } from "./rescope.ts";
import type { Collections } from "./schema.ts";

const byProject: Collections = { issues: { scopes: (record) => [`p/${record["project"]}`] } };
const byOwner: Collections = { issues: { scopes: (record) => [`p/${record["project"]}`, `u/${record["owner"]}`] } };

function rescoped(acme: TestSpace, collections: Collections) {
  const result = rescope(
    {
      head: acme.head,
      rows: acme.rows,
      families: new Map(),
      clients: new Map(),
      outcomes: new Map(),
      hashes: new Map(),
    },
    acme.rows.keys(),
    { ...acme.rules, collections },
  );
  acme.commit(result);
  return result;
}

describe("a change of a collection's scopes", () => {
  it("[C8] moves the memberships as one transaction of the server itself, and no record changes", () => {
    const acme = new TestSpace(byProject);
    acme.write("c1", [insert("i1", { project: 1, owner: "ann" }), insert("i2", { project: 2, owner: "bob" })]);
    const before = acme.row("issues", "i1");
    rescoped(acme, byOwner);
    expect(acme.entries[1]).toMatchObject({ revision: 2, author: SERVER, mutation: 0 });
    expect(acme.entries[1]?.changes.map(({ change }) => change)).toContainEqual({
      collection: "issues",
      id: "i1",
      before: {},
      after: {},
    });
    const row = acme.row("issues", "i1");
    expect(row).toMatchObject({ revision: 1, text: before.text, digest: before.digest, stamps: before.stamps });
    expect(row.scopes.get("u/ann")).toEqual({ revision: 2, entered: 2, first: 2, present: true });
    expect(row.scopes.get("p/1")).toEqual(before.scopes.get("p/1"));
    expect(acme.fingerprints.get("u/ann\nissues")).toEqual({ count: 1, lanes: row.digest });
    expect(acme.fingerprints.get("*\nissues")?.count).toBe(2);
  });

  it("[C8] replicas that follow by cursor see records enter and leave", () => {
    const acme = new TestSpace(byOwner);
    acme.write("c1", insert("i1", { project: 1, owner: "ann" }));
    rescoped(acme, { issues: { scopes: (record) => [`t/${record["project"]}`, `u/${record["owner"]}`] } });
    const { id, text, stamps, scopes } = acme.row("issues", "i1");
    const step = (scope: string) => {
      const member = scopes.get(scope);
      const changedSince = (revision: number) =>
        [...stamps].filter(([, stamp]) => stamp.revision > revision).map(([atom]) => atom);
      return member === undefined ? undefined : stepOf({ id, text, member, erased: null, changedSince }, 1, 1, null);
    };
    expect(step("p/1")).toEqual({ op: "remove" });
    expect(step("t/1")).toEqual({ op: "put" });
    expect(step("u/ann")).toBeNull();
  });

  it("[M2] takes no revision where all are in place, and leaves tombstones alone", () => {
    const acme = new TestSpace(byProject);
    acme.write("c1", [insert("i1", { project: 1 }), insert("i2", { project: 1 })]);
    acme.write("c1", remove("i2"));
    expect(rescoped(acme, byProject)).toMatchObject({ entries: [], rows: [], fingerprints: [], failed: [] });
  });

  it("[C8] a record on which `scopes` fails stays where it is, and is named", () => {
    const acme = new TestSpace(byProject);
    acme.write("c1", [insert("i1", { project: 1 }), insert("i2", { project: 2 })]);
    const broken: Collections = { issues: { scopes: (record) => (record.id === "i1" ? ["a b"] : ["q/2"]) } };
    expect(rescoped(acme, broken).failed).toMatchObject([{ key: "issues/i1" }]);
    expect([...acme.row("issues", "i1").scopes.keys()]).toEqual(["*", "p/1"]);
    expect(acme.row("issues", "i2").scopes.get("q/2")?.present).toBe(true);
  });
});
