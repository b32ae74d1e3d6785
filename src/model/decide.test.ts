import { describe, expect, it } from "vitest";
import { insert, remove, TestSpace, update } from "../../test/support/space.ts";
import { formatCursor, pointOf } from "./cursor.ts";
import { chainHash, changeHash, GENESIS } from "./entry.ts";
import type { Mutation } from "./mutation.ts";
import { PUSH_LIMITS, type Push, type PushRequest, type PushResponse } from "./push.ts";
import type { Collections } from "./schema.ts";

const PLAIN: Collections = { issues: {} };
const SCOPED: Collections = { issues: { scopes: (record) => (record["projects"] ?? []) as string[] } };

function push(mutations: Mutation[], more: Partial<PushRequest> = {}, user = "ann"): Push {
  return { user: { id: user }, request: { client: "c1", mutations, ...more } };
}
const mutation = (id: number, title: string, base = 0): Mutation => ({
  id,
  base,
  writes: [insert(`i${id}`, { title })],
});

describe("transactions", () => {
  it("[M1] every applied mutation is the next revision, also within one batch", () => {
    const acme = new TestSpace(PLAIN);
    const { entries } = acme.decide(
      push([mutation(1, "A"), mutation(2, "B")]),
      push([mutation(1, "C")], { client: "c2" }),
    );
    expect(entries.map(({ revision, mutation }) => [revision, mutation])).toEqual([
      [1, 1],
      [2, 2],
    ]);
    acme.decide(push([{ id: 2, base: 2, writes: [update("i1", { title: "D" })] }], { client: "c2" }));
    expect(acme.head.revision).toBe(3);
  });

  it.each([
    ["no writes", []],
    ["an atom set to what it is", [update("i1", { title: "A" })]],
    ["an atom changed and changed back", [update("i1", { title: "B" }), update("i1", { title: "A" })]],
    ["a record inserted and deleted", [insert("i2", { title: "B" }), remove("i2")]],
    ["a record deleted and inserted as it was", [remove("i1"), insert("i1", { title: "A" })]],
    ["an absent atom removed", [update("i1", { owner: null })]],
  ])("[M2] a transaction that changes nothing takes no revision: %s", (_, writes) => {
    const acme = new TestSpace(PLAIN);
    acme.write("c1", insert("i1", { title: "A" }));
    expect(acme.write("c2", writes)).toEqual({ id: 1, status: "applied", revision: 1 });
    expect(acme.head.revision).toBe(1);
  });

  it("[M3] each atom carries the revision that last wrote it, and by which client; removed ones too", () => {
    const acme = new TestSpace(PLAIN);
    acme.write("c1", insert("i1", { title: "A", owner: "ann" }));
    acme.write("c2", update("i1", { owner: null, status: "open" }));
    const row = acme.row("issues", "i1");
    expect(row.text).toBe('{"id":"i1","status":"open","title":"A"}');
    expect(Object.fromEntries(row.stamps)).toEqual({
      title: { revision: 1, author: "ann\nc1" },
      owner: { revision: 2, author: "ann\nc2" },
      status: { revision: 2, author: "ann\nc2" },
    });
    expect(row).toMatchObject({ revision: 2, created: 1, creator: "ann\nc1" });
  });

  it("[M3] delete then insert in one transaction removes, at its revision, what the insert does not name", () => {
    const acme = new TestSpace(SCOPED);
    acme.write("c1", insert("i1", { title: "A", owner: "ann", status: "open", projects: ["p/1"] }));
    acme.write("c2", [remove("i1"), insert("i1", { title: "B", status: "open", projects: ["p/1"] })]);
    const row = acme.row("issues", "i1");
    expect(row.stamps.get("owner")).toEqual({ revision: 2, author: "ann\nc2" });
    expect(row.stamps.get("status")?.revision).toBe(1);
    expect(row).toMatchObject({ created: 2, creator: "ann\nc2" });
    expect(row.scopes.get("p/1")).toEqual({ revision: 2, entered: 1, first: 1, present: true });
    expect(acme.entries[1]?.changes[0]?.change).toMatchObject({
      before: { title: "A", owner: "ann" },
      after: { title: "B", owner: null },
    });
  });

  it("[M4] a deleted record leaves a tombstone, in each scope that it was in", () => {
    const acme = new TestSpace(SCOPED);
    acme.write("c1", insert("i1", { title: "A", projects: ["p/1"] }));
    acme.write("c1", remove("i1"));
    const row = acme.row("issues", "i1");
    expect(row).toMatchObject({ revision: 2, text: null, digest: [0, 0, 0, 0], created: 1 });
    expect(row.stamps.size).toBe(0);
    const left = { revision: 2, entered: 1, first: 1, present: false };
    expect(Object.fromEntries(row.scopes)).toEqual({ "*": left, "p/1": left });
  });

  it("[M5] a record moves between scopes in the transaction that changes its atoms", () => {
    const acme = new TestSpace(SCOPED);
    acme.write("c1", insert("i1", { projects: ["p/1", "p/2", "p/1", "*"] }));
    acme.write("c1", update("i1", { projects: ["p/2", "p/3"] }));
    expect(Object.fromEntries(acme.row("issues", "i1").scopes)).toEqual({
      "*": { revision: 2, entered: 1, first: 1, present: true },
      "p/1": { revision: 2, entered: 1, first: 1, present: false },
      "p/2": { revision: 2, entered: 1, first: 1, present: true },
      "p/3": { revision: 2, entered: 2, first: 2, present: true },
    });
  });

  it("[M5] a record that comes back keeps when it was first in the scope", () => {
    const acme = new TestSpace(SCOPED);
    acme.write("c1", insert("i1", { projects: ["p/1"] }));
    acme.write("c1", update("i1", { projects: [] }));
    acme.write("c1", update("i1", { projects: ["p/1"] }));
    expect(acme.row("issues", "i1").scopes.get("p/1")).toEqual({ revision: 3, entered: 3, first: 1, present: true });
  });

  it("[M6] each entry's hash covers its content and the hash before it", () => {
    const acme = new TestSpace(PLAIN);
    acme.decide(push([mutation(1, "A"), mutation(2, "B")]));
    let before = GENESIS;
    for (const entry of acme.entries) {
      expect(entry.hash).toBe(chainHash(entry, entry.changes.map(changeHash), before));
      before = entry.hash;
    }
    const salts = acme.entries.flatMap(({ changes }) => changes.map(({ salt }) => salt));
    expect(new Set(salts).size).toBe(2);
  });

  it("[M6] server time in the journal never runs backwards, whatever the clock does", () => {
    const acme = new TestSpace(PLAIN);
    for (const now of [1_000, 500, 2_000]) {
      acme.rules = { ...acme.rules, now };
      acme.write("c1", insert(`i${now}`));
    }
    expect(acme.entries.map(({ time }) => time)).toEqual([1_000, 1_000, 2_000]);
  });
});

describe("the sequence of mutations", () => {
  it("[W6] an id seen before with the same content returns its first outcome and takes no revision", () => {
    const acme = new TestSpace(PLAIN);
    const [first] = acme.push(push([mutation(1, "A"), { id: 2, base: 0, writes: [update("i9", { title: "?" })] }]));
    const again = push([mutation(1, "A", 1), { id: 2, base: 1, writes: [update("i9", { title: "?" })] }]);
    const [second] = acme.push(again);
    expect((second as PushResponse).outcomes).toEqual((first as PushResponse).outcomes);
    expect(acme.head.revision).toBe(1);
  });

  it("[W6] a retry within the same batch is a retry", () => {
    const acme = new TestSpace(PLAIN);
    const [first, second] = acme.push(push([mutation(1, "A")]), push([mutation(1, "A"), mutation(2, "B")]));
    expect((second as PushResponse).outcomes[0]).toEqual((first as PushResponse).outcomes[0]);
    expect(acme.head.revision).toBe(2);
  });

  it("[W6] another content under a settled id is rewound, and applies nothing", () => {
    const acme = new TestSpace(PLAIN);
    acme.push(push([mutation(1, "A"), mutation(2, "B")]));
    const [answer] = acme.push(push([mutation(1, "A"), mutation(2, "other"), mutation(3, "C")]));
    expect(answer).toMatchObject({ refused: "rewound", lastMutation: 2, id: 2 });
    expect(acme.head.revision).toBe(2);
  });

  it("[W6] a skipped id is a gap, and applies nothing", () => {
    const acme = new TestSpace(PLAIN);
    acme.push(push([mutation(1, "A")]));
    expect(acme.push(push([mutation(2, "B"), mutation(4, "D")]))).toMatchObject([
      { refused: "gap", lastMutation: 1, id: 4 },
    ]);
    expect(acme.head.revision).toBe(1);
  });

  it("[W6] an id whose content is no longer known is unknown, and what follows goes on", () => {
    const acme = new TestSpace(PLAIN);
    acme.push(push([mutation(1, "A"), mutation(2, "B")]));
    acme.outcomes.get("ann\nc1")?.delete(1);
    const [answer] = acme.push(push([mutation(1, "anything"), mutation(2, "B"), mutation(3, "C")]));
    expect((answer as PushResponse).outcomes.map(({ id, status }) => [id, status])).toEqual([
      [1, "unknown"],
      [2, "applied"],
      [3, "applied"],
    ]);
  });

  it("[W6] a refused push leaves the others of its batch alone", () => {
    const acme = new TestSpace(PLAIN);
    const answers = acme.push(push([mutation(5, "E")]), push([mutation(1, "A")], { client: "c2" }));
    expect(answers).toMatchObject([
      { refused: "gap", lastMutation: 0 },
      { revision: 1, lastMutation: 1 },
    ]);
    expect([...acme.clients.keys()]).toEqual(["ann\nc2"]);
  });

  it("[A4] a client id of somebody else is as one that does not exist", () => {
    const acme = new TestSpace(PLAIN);
    acme.push(push([mutation(1, "A"), mutation(2, "B")]));
    const stranger = push([{ id: 1, base: 0, writes: [] }], { was: { client: "c1", through: 2 } }, "eve");
    expect(acme.push(stranger)).toMatchObject([{ lastMutation: 1, outcomes: [{ status: "applied" }] }]);
    expect(acme.clients.get("eve\nc1")).toMatchObject({ last: 1, was: [] });
  });

  it("[A8] more outcomes than the bound without `acked` are refused until it comes", () => {
    const acme = new TestSpace(PLAIN, { limits: { ...PUSH_LIMITS, unacked: 2 } });
    acme.push(push([mutation(1, "A"), mutation(2, "B")]));
    expect(acme.push(push([mutation(3, "C")]))).toMatchObject([{ refused: "rate-limited", lastMutation: 2 }]);
    expect(acme.push(push([mutation(1, "A"), mutation(2, "B")]))).toMatchObject([{ lastMutation: 2 }]);
    expect(acme.push(push([mutation(3, "C")], { acked: 1 }))).toMatchObject([{ lastMutation: 3 }]);
    expect(acme.clients.get("ann\nc1")?.acked).toBe(1);
  });

  it("[W2] a new client id takes over the writes of the one it was, up to `through`, and no others", () => {
    const acme = new TestSpace(PLAIN);
    acme.write("old", insert("i1", { a: 1, b: 1 }));
    acme.write("old", update("i1", { a: 2 }));
    acme.write("old", update("i1", { b: 2 }));
    const writes = [update("i1", { a: 3, b: 3 })];
    const [answer] = acme.push(
      push([{ id: 1, base: 0, writes }], { client: "new", was: { client: "old", through: 2 } }),
    );
    expect(answer).toMatchObject({
      outcomes: [{ status: "superseded", superseded: [{ atoms: ["b"], reason: "newer" }] }],
    });
    expect(acme.write("new", update("i1", { a: 4 }), { base: 0 }).status).toBe("applied");
  });

  it("[W2] what a client was before its former id counts too", () => {
    const acme = new TestSpace(PLAIN);
    acme.write("one", insert("i1", { a: 1 }));
    acme.push(push([], { client: "two", was: { client: "one", through: 9 } }));
    acme.push(push([], { client: "three", was: { client: "two", through: 0 } }));
    expect(acme.write("three", update("i1", { a: 3 }), { base: 0 }).status).toBe("applied");
  });
});

describe("replicas of another history", () => {
  const cursorAt = (revision: number, hash: string) =>
    formatCursor("acme", { scope: "*" }, { at: pointOf(revision, hash) });

  it("[W12] a cursor of this history is welcome", () => {
    const acme = new TestSpace(PLAIN);
    acme.push(push([mutation(1, "A")], { cursor: cursorAt(0, GENESIS) }));
    expect(acme.push(push([mutation(2, "B")], { cursor: cursorAt(1, acme.head.hash) }))).toMatchObject([
      { lastMutation: 2 },
    ]);
  });

  it.each([
    ["a hash that is not on the chain", cursorAt(1, "f".repeat(64))],
    ["a revision to come", cursorAt(9, "f".repeat(64))],
    ["another empty space", cursorAt(0, "f".repeat(64))],
    ["another space", formatCursor("other", { scope: "*" }, { at: pointOf(0, GENESIS) })],
    ["no cursor at all", "nonsense"],
  ])("[W12] a cursor of %s is diverged, and nothing applies", (_, cursor) => {
    const acme = new TestSpace(PLAIN);
    acme.push(push([mutation(1, "A")]));
    expect(acme.push(push([mutation(2, "B")], { cursor }))).toMatchObject([
      { refused: "diverged", lastMutation: 1, id: 2 },
    ]);
    expect(acme.head.revision).toBe(1);
  });

  it("[W12] a base beyond the head is diverged, before it is a gap", () => {
    const acme = new TestSpace(PLAIN);
    expect(acme.push(push([mutation(7, "A", 3)]))).toMatchObject([{ refused: "diverged", lastMutation: 0, id: 7 }]);
    const late = push([{ id: 1, base: 0, writes: [insert("i1", {}, { base: 1 })] }]);
    expect(acme.push(late)).toMatchObject([{ refused: "diverged", id: 1 }]);
  });
});

describe("fingerprints", () => {
  it("[P9] a batch adds to each scope what its records became, and takes away what they were", () => {
    const acme = new TestSpace(SCOPED);
    acme.write("c1", insert("i1", { projects: ["p/1"] }));
    acme.write("c1", update("i1", { projects: ["p/2"] }));
    expect(acme.fingerprints.get("p/1\nissues")).toEqual({ count: 0, lanes: [0, 0, 0, 0] });
    expect(acme.fingerprints.get("p/2\nissues")).toEqual({ count: 1, lanes: acme.row("issues", "i1").digest });
    acme.write("c1", remove("i1"));
    expect(acme.fingerprints.get("*\nissues")).toEqual({ count: 0, lanes: [0, 0, 0, 0] });
  });
});
