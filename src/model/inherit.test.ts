import { describe, expect, it } from "vitest";
import { TestSpace } from "../../test/support/space.ts";
import { inherit, inheritanceFlaws } from "./inherit.ts";
import type { Write } from "./mutation.ts";
import { PUSH_LIMITS, type Push } from "./push.ts";
import type { Collections } from "./schema.ts";

const TREE: Collections = {
  tasks: { scopes: (record) => [`p/${record["project"]}`] },
  comments: { scopes: inherit("taskId", "tasks") },
  likes: { scopes: inherit("commentId", "comments") },
  folders: { scopes: inherit("folderId", "folders", (record) => [`p/${record["project"]}`]) },
};

const put = (key: string, atoms: object = {}): Write => {
  const [collection, id] = key.split("/") as [string, string];
  return { op: "insert", collection, record: { id, ...atoms } };
};
const set = (key: string, atoms: object): Write => ({ ...(put(key, atoms) as Write & { op: "insert" }), op: "update" });
const gone = (key: string): Write => {
  const [collection, id] = key.split("/") as [string, string];
  return { op: "delete", collection, id };
};

const FILLED = [
  put("tasks/t", { project: 1 }),
  put("comments/c", { taskId: "t" }),
  put("likes/l", { commentId: "c" }),
  put("likes/m", { commentId: "c" }),
];

function filled(rules = {}): TestSpace {
  const acme = new TestSpace(TREE, rules);
  acme.write("c1", FILLED);
  return acme;
}

function scopes(acme: TestSpace, key: string): string[] {
  const members = acme.rows.get(key)?.scopes ?? new Map();
  return [...members]
    .filter(([, { present }]) => present)
    .map(([scope]) => scope)
    .sort();
}

describe("inherited scopes", () => {
  it("[M8] are those of the parent, to any depth, also where all come in one mutation, the child first", () => {
    const acme = new TestSpace(TREE);
    acme.write("c1", [...FILLED].reverse());
    for (const key of ["tasks/t", "comments/c", "likes/l", "likes/m"])
      expect(scopes(acme, key), key).toEqual(["*", "p/1"]);
  });

  it("[M8] move with the parent in its transaction, and the records do not change", () => {
    const acme = filled();
    const before = acme.row("likes", "l");
    expect(acme.write("c1", set("tasks/t", { project: 2 }))).toMatchObject({ status: "applied", revision: 2 });
    expect(acme.entries[1]?.changes.map(({ change }) => change.collection)).toEqual(["tasks"]);
    const after = acme.row("likes", "l");
    expect(after).toMatchObject({ revision: 1, text: before.text, stamps: before.stamps, digest: before.digest });
    expect(Object.fromEntries(after.scopes)).toEqual({
      "*": { revision: 1, entered: 1, first: 1, present: true },
      "p/1": { revision: 2, entered: 1, first: 1, present: false },
      "p/2": { revision: 2, entered: 2, first: 2, present: true },
    });
    expect(acme.fingerprints.get("p/1\nlikes")).toEqual({ count: 0, lanes: [0, 0, 0, 0] });
    expect(acme.fingerprints.get("p/2\nlikes")?.count).toBe(2);
    expect(acme.fingerprints.get("*\nlikes")?.count).toBe(2);
  });

  it("[M8] a record whose parent is missing is in no scope but *, and gets scopes when the parent comes, or comes back", () => {
    const acme = new TestSpace(TREE);
    acme.write("c1", [put("likes/l", { commentId: "c" }), put("comments/c", { taskId: "t" })]);
    expect(scopes(acme, "likes/l")).toEqual(["*"]);
    acme.write("c1", put("tasks/t", { project: 1 }));
    expect([scopes(acme, "comments/c"), scopes(acme, "likes/l")]).toEqual([
      ["*", "p/1"],
      ["*", "p/1"],
    ]);
    acme.write("c1", gone("tasks/t"));
    expect([scopes(acme, "comments/c"), scopes(acme, "likes/l")]).toEqual([["*"], ["*"]]);
    acme.write("c1", put("tasks/t", { project: 3 }));
    expect(scopes(acme, "likes/l")).toEqual(["*", "p/3"]);
    expect(acme.row("likes", "l").scopes.get("p/3")).toMatchObject({ entered: 4, first: 4 });
    acme.write("c1", gone("comments/c"));
    expect(scopes(acme, "likes/l")).toEqual(["*"]);
  });

  it("[M8] follow another parent, and none where the atom names none", () => {
    const acme = filled();
    acme.write("c1", [put("tasks/u", { project: 2 }), set("comments/c", { taskId: "u" })]);
    expect([scopes(acme, "comments/c"), scopes(acme, "likes/m")]).toEqual([
      ["*", "p/2"],
      ["*", "p/2"],
    ]);
    for (const taskId of [null, 7, "", { id: "u" }]) {
      acme.write("c1", set("comments/c", { taskId }));
      expect([scopes(acme, "comments/c"), scopes(acme, "likes/m")]).toEqual([["*"], ["*"]]);
      acme.write("c1", set("comments/c", { taskId: "u" }));
    }
    expect(acme.row("comments", "c").parent).toBe("tasks/u");
  });

  it("[M8] of a record changed in the mutation that moves its parent's parent are the new ones", () => {
    const acme = filled();
    acme.write("c1", [set("likes/l", { n: 1 }), set("tasks/t", { project: 2 })]);
    expect([scopes(acme, "likes/l"), scopes(acme, "likes/m")]).toEqual([
      ["*", "p/2"],
      ["*", "p/2"],
    ]);
    expect([acme.row("likes", "l").revision, acme.row("likes", "m").revision]).toEqual([2, 1]);
  });

  it("[M8] are the same however pushes come together", () => {
    const writes = [
      set("tasks/t", { project: 2 }),
      put("comments/d", { taskId: "t" }),
      set("likes/l", { commentId: "d" }),
      gone("tasks/t"),
      put("tasks/t", { project: 4 }),
      set("comments/d", { taskId: "v" }),
      put("tasks/v", { project: 5 }),
      set("tasks/v", { project: 6 }),
    ];
    const pushes = writes.map((write, i): Push => {
      // A base beyond the head is refused, and one before it supersedes nothing of one's own.
      const mutations = [{ id: i + 2, base: 1, writes: [write] }];
      return { user: { id: "ann" }, request: { client: "c1", mutations } };
    });
    const [apart, together] = [filled(), filled()];
    for (const each of pushes) apart.push(each);
    together.push(...pushes);
    expect([...together.rows]).toEqual([...apart.rows]);
    expect([...together.fingerprints].filter(([, { count }]) => count !== 0).sort()).toEqual(
      [...apart.fingerprints].filter(([, { count }]) => count !== 0).sort(),
    );
    expect(together.entries.map(({ hash }) => hash)).toHaveLength(apart.entries.length);
    expect([scopes(together, "comments/d"), scopes(together, "likes/l"), scopes(together, "likes/m")]).toEqual([
      ["*", "p/6"],
      ["*", "p/6"],
      ["*", "p/4"],
    ]);
  });

  it("[M9] a write that makes a record its own ancestor is rejected, also where two writes of one mutation do", () => {
    const acme = new TestSpace(TREE);
    acme.write("c1", [
      put("folders/a", { project: 1 }),
      put("folders/b", { folderId: "a" }),
      put("folders/c", { folderId: "b" }),
    ]);
    expect(acme.write("c1", set("folders/a", { folderId: "c" }))).toMatchObject({
      status: "rejected",
      code: "circular",
      path: "writes[0].record.folderId",
    });
    expect(acme.write("c1", set("folders/a", { folderId: "a" }))).toMatchObject({ code: "circular" });
    const both = [put("folders/x", { folderId: "y" }), put("folders/y", { folderId: "x" })];
    expect(acme.write("c1", both)).toMatchObject({ code: "circular" });
    acme.write("c1", put("folders/x", { folderId: "y" }));
    expect(acme.write("c1", put("folders/y", { folderId: "x" }))).toMatchObject({ code: "circular" });
    expect(acme.write("c1", set("folders/c", { folderId: "a" }))).toMatchObject({ status: "applied" });
    expect(
      acme.write("c1", [set("folders/a", { folderId: "c" }), set("folders/c", { folderId: null, project: 7 })]),
    ).toMatchObject({ status: "applied" });
    expect(scopes(acme, "folders/b")).toEqual(["*", "p/7"]);
  });

  it("[M8 M9] a mutation that moves too many descendants is rejected with their number; less than that moves nothing else", () => {
    const acme = filled({ limits: { ...PUSH_LIMITS, descendants: 2 } });
    expect(acme.write("c1", set("tasks/t", { title: "x" }))).toMatchObject({ status: "applied" });
    const refused = acme.write("c1", [put("tasks/u", { project: 1 }), set("tasks/t", { project: 2 })]);
    expect(refused).toMatchObject({ status: "rejected", code: "too-many-descendants" });
    expect((refused as { message: string }).message).toMatch(/^3 records .* at most 2 /);
    expect(acme.rows.has("tasks/u")).toBe(false);
    expect(acme.write("c1", gone("tasks/t"))).toMatchObject({ code: "too-many-descendants" });
    expect(acme.write("c1", gone("likes/m"))).toMatchObject({ status: "applied" });
    expect(acme.write("c1", set("tasks/t", { project: 2 }))).toMatchObject({ status: "applied" });
    expect(scopes(acme, "likes/l")).toEqual(["*", "p/2"]);
  });

  it("[M9 W6] descendants are counted as they are when the mutation comes, however mutations come together", () => {
    const play = (apart: boolean) => {
      const acme = filled({ limits: { ...PUSH_LIMITS, descendants: 3 } });
      const writes = [
        put("likes/n", { commentId: "c" }),
        set("tasks/t", { project: 2 }),
        gone("likes/n"),
        set("tasks/t", { project: 3 }),
        put("comments/d", { taskId: "t" }),
        set("tasks/t", { project: 4 }),
      ];
      const mutations = writes.map((write, i) => ({ id: i + 2, base: 1, writes: [write] }));
      const push = (list: typeof mutations): Push => ({
        user: { id: "ann" },
        request: { client: "c1", mutations: list },
      });
      const results = apart ? mutations.flatMap((each) => acme.push(push([each]))) : acme.push(push(mutations));
      return results.flatMap((result) => ("outcomes" in result ? result.outcomes : []));
    };
    expect(play(true).map(({ status }) => status)).toEqual([
      "applied",
      "rejected",
      "applied",
      "applied",
      "applied",
      "rejected",
    ]);
    expect(play(true)[5]).toMatchObject({ message: expect.stringMatching(/^4 records/) });
    expect(play(false)).toEqual(play(true));
  });

  it("[M9 W11] a record asks for the scopes that it inherits; descendants move with their parent without being asked for", () => {
    const may = new Set(["p/1"]);
    const authorize: TestSpace["rules"]["authorize"] = (_, action) => action.do === "write" && may.has(action.scope);
    const acme = filled({ authorize });
    expect(acme.write("c1", put("comments/d", { taskId: "none" }))).toMatchObject({ code: "forbidden" });
    may.add("p/2");
    acme.write("c1", put("tasks/u", { project: 2 }));
    may.delete("p/2");
    expect(acme.write("c1", put("comments/d", { taskId: "u" }))).toMatchObject({ code: "forbidden" });
    expect(acme.write("c1", set("comments/c", { taskId: "u" }))).toMatchObject({ code: "forbidden" });
    expect(acme.write("c1", put("comments/d", { taskId: "t" }))).toMatchObject({ status: "applied" });
    acme.rules = { ...acme.rules, collections: { ...TREE, likes: { ...TREE["likes"], write: () => "never" } } };
    may.add("p/2");
    expect(acme.write("c1", set("tasks/t", { project: 2 }))).toMatchObject({ status: "applied" });
    expect(scopes(acme, "likes/l")).toEqual(["*", "p/2"]);
  });
});

describe("the declaration of inherited scopes", () => {
  const flaws = (collections: Collections) => inheritanceFlaws(collections).map(({ flaw }) => flaw);

  it("[M9] is refused where it could not end, names no collection, or an atom of a policy that makes no ids", () => {
    expect(flaws(TREE)).toEqual([]);
    expect(flaws({ a: { scopes: inherit("x", "a") } })).toEqual([
      expect.stringMatching(/^expected an end: a inherits from a, /),
    ]);
    expect(flaws({ a: { scopes: inherit("x", "b") }, b: { scopes: inherit("y", "a") } })).toHaveLength(2);
    expect(flaws({ a: { scopes: inherit("x", "b") }, b: { scopes: inherit("y", "a", () => []) } })).toEqual([]);
    expect(flaws({ a: { scopes: inherit("x", "c") } })).toEqual([expect.stringMatching(/there is no c$/)]);
    expect(flaws({ a: { scopes: inherit("x", "b"), atoms: { x: "set" } }, b: {} })).toHaveLength(1);
  });
});
