import { describe, expect, it } from "vitest";
import { insert, remove, TestSpace, update } from "../../test/support/space.ts";
import type { Collections, Policy } from "./schema.ts";

const PLAIN: Collections = { issues: {} };

/** A record i1 made by `server` at revision 1, in a space where two clients, `ann` and `bob`, then write. */
function space(collections = PLAIN, atoms: object = { status: "open", title: "A" }): TestSpace {
  const space = new TestSpace(collections);
  space.write("server", insert("i1", atoms));
  return space;
}

const lost = (atoms: string[], reason: string) => ({ collection: "issues", id: "i1", atoms, reason });

describe("conflicts of atoms", () => {
  it("[W1] an atom that someone else wrote after the base is superseded, and the rest applies", () => {
    const acme = space();
    acme.write("ann", update("i1", { status: "done" }), { base: 1 });
    const outcome = acme.write("bob", update("i1", { status: "new", title: "B" }), { base: 1 });
    expect(outcome).toEqual({ id: 1, status: "superseded", revision: 3, superseded: [lost(["status"], "newer")] });
    expect(acme.record("issues", "i1")).toEqual({ id: "i1", status: "done", title: "B" });
  });

  it("[W1] the write's own base counts before the mutation's", () => {
    const acme = space();
    acme.write("ann", update("i1", { status: "done" }), { base: 1 });
    expect(acme.write("bob", update("i1", { status: "new" }, { base: 2 }), { base: 1 }).status).toBe("applied");
    expect(acme.write("ann", update("i1", { status: "old" }, { base: 1 }), { base: 3 }).status).toBe("superseded");
  });

  it("[W1] an atom that was removed after the base is a conflict too", () => {
    const acme = space();
    acme.write("ann", update("i1", { status: null }), { base: 1 });
    expect(acme.write("bob", update("i1", { status: "done" }), { base: 1 }).status).toBe("superseded");
    expect(acme.record("issues", "i1")).toEqual({ id: "i1", title: "A" });
  });

  it("[W1] writing the value that already stands is no conflict and no change", () => {
    const acme = space();
    acme.write("ann", update("i1", { status: { by: "ann", at: 1 } }), { base: 1 });
    const outcome = acme.write("bob", update("i1", { status: { at: 1, by: "ann" } }), { base: 1 });
    expect(outcome).toEqual({ id: 1, status: "applied", revision: 2 });
    expect(acme.row("issues", "i1").stamps.get("status")?.author).toBe("ann\nann");
  });

  it("[W1] an atom of a name that all objects inherit is an atom like others", () => {
    const acme = space({ issues: { atoms: {} } });
    acme.write("ann", update("i1", { toString: "x", valueOf: null }), { base: 1 });
    expect(acme.record("issues", "i1")).toEqual({ id: "i1", status: "open", title: "A", toString: "x" });
  });

  it("[W2] a client's own earlier mutations are no conflict for its later ones", () => {
    const acme = space();
    acme.write("ann", update("i1", { status: "done" }), { base: 1 });
    expect(acme.write("ann", update("i1", { status: "closed" }), { base: 1 }).status).toBe("applied");
    acme.write("ann", insert("i2", { title: "B" }), { base: 1 });
    expect(acme.write("ann", update("i2", { title: "C" }), { base: 1 }).status).toBe("applied");
    expect(acme.write("ann", remove("i2"), { base: 1 }).status).toBe("applied");
  });

  it("[A4] the same client id of another principal is another author", () => {
    const acme = space();
    acme.write("phone", update("i1", { status: "done" }), { base: 1 }, "ann");
    expect(acme.write("phone", update("i1", { status: "new" }), { base: 1 }, "eve").status).toBe("superseded");
  });
});

describe("conflicts of records", () => {
  it("[W3] an update of a record that is missing is superseded whole", () => {
    const acme = space();
    acme.write("ann", remove("i1"));
    const outcome = acme.write("bob", update("i1", { status: "done", title: "B" }), { base: 1 });
    expect(outcome).toMatchObject({ status: "superseded", superseded: [lost(["status", "title"], "missing")] });
    expect(acme.record("issues", "i1")).toBeNull();
  });

  it("[W3] an update of a record that another client created after the base is superseded whole", () => {
    const acme = space();
    acme.write("ann", remove("i1"));
    acme.write("ann", insert("i1", { title: "another" }));
    const outcome = acme.write("bob", update("i1", { status: "done" }), { base: 1 });
    expect(outcome).toMatchObject({ status: "superseded", superseded: [lost(["status"], "created")] });
  });

  it("[W3] a record deleted and inserted in one transaction is another record, too", () => {
    const acme = space();
    acme.write("ann", [remove("i1"), insert("i1", { title: "another" })]);
    expect(acme.write("bob", update("i1", { owner: "bob" }), { base: 1 })).toMatchObject({
      superseded: [lost(["owner"], "created")],
    });
  });

  it("[W3] an insert of an id that exists is superseded whole", () => {
    const acme = space();
    const outcome = acme.write("bob", insert("i1", { title: "B", owner: "bob" }), { base: 0 });
    expect(outcome).toMatchObject({ status: "superseded", superseded: [lost(["title", "owner"], "exists")] });
    expect(acme.record("issues", "i1")).toEqual({ id: "i1", status: "open", title: "A" });
  });

  it("[W1] an insert of just what stands already is no conflict and no change", () => {
    expect(space().write("bob", insert("i1", { title: "A", status: "open", owner: null }), { base: 0 })).toMatchObject({
      status: "applied",
      revision: 1,
    });
  });

  it("[W3] an insert over a tombstone makes a new record", () => {
    const acme = space();
    acme.write("ann", remove("i1"));
    expect(acme.write("bob", insert("i1", { title: "B" }), { base: 0 }).status).toBe("applied");
    expect(acme.row("issues", "i1")).toMatchObject({ created: 3, creator: "ann\nbob" });
    expect([...acme.row("issues", "i1").stamps.keys()]).toEqual(["title"]);
  });

  it("[W3] a delete of a record that someone else changed since the base is superseded", () => {
    const acme = space();
    acme.write("ann", update("i1", { title: "B" }), { base: 1 });
    expect(acme.write("bob", remove("i1"), { base: 1 })).toMatchObject({
      status: "superseded",
      superseded: [lost([], "changed")],
    });
    expect(acme.write("bob", remove("i1"), { base: 2 }).status).toBe("applied");
  });

  it("[W3] a delete of a record that is gone is applied and changes nothing", () => {
    const acme = space();
    acme.write("ann", remove("i1"), { base: 1 });
    expect(acme.write("bob", remove("i1"), { base: 1 })).toEqual({ id: 1, status: "applied", revision: 2 });
  });

  it("[W4] with `whole` nothing of the mutation applies if any part is superseded", () => {
    const acme = space();
    acme.write("ann", update("i1", { status: "done" }), { base: 1 });
    const outcome = acme.write("bob", [insert("i2"), update("i1", { status: "new", title: "B" })], {
      base: 1,
      whole: true,
    });
    expect(outcome).toMatchObject({ status: "superseded", revision: 2, superseded: [lost(["status"], "newer")] });
    expect(acme.head.revision).toBe(2);
    expect(acme.record("issues", "i2")).toBeNull();
  });
});

describe("policies", () => {
  const POLICIES: Collections = {
    issues: {
      atoms: {
        note: "client",
        votes: "sum",
        tags: "set",
        best: (_base, server, client) => Math.max(Number(server), Number(client)),
      },
    },
  };
  const start = () => space(POLICIES, { note: "a", votes: 1, tags: ["x"], best: 5 });

  it('[W5] "client": the last to arrive wins', () => {
    const acme = start();
    acme.write("ann", update("i1", { note: "b" }), { base: 1 });
    expect(acme.write("bob", update("i1", { note: "c" }), { base: 1 }).status).toBe("applied");
    expect(acme.record("issues", "i1")?.["note"]).toBe("c");
  });

  it('[W5] "sum": all additions count', () => {
    const acme = start();
    acme.write("ann", update("i1", { votes: { $add: 2 } }), { base: 1 });
    acme.write("bob", [update("i1", { votes: { $add: 3 } }), update("i1", { votes: { $add: 1 } })], { base: 1 });
    expect(acme.record("issues", "i1")?.["votes"]).toBe(7);
    acme.write("bob", insert("i2", { votes: { $add: 4 } }));
    expect(acme.record("issues", "i2")?.["votes"]).toBe(4);
  });

  it('[W5] "set": insertions and removals of all come together', () => {
    const acme = start();
    acme.write("ann", update("i1", { tags: { $insert: ["y", "x"] } }), { base: 1 });
    acme.write("bob", update("i1", { tags: { $insert: ["z"], $remove: ["x"] } }), { base: 1 });
    expect(acme.record("issues", "i1")?.["tags"]).toEqual(["y", "z"]);
  });

  it("[W5] a plain value on an atom of a sum or a set follows the rule of the server", () => {
    const acme = start();
    acme.write("ann", update("i1", { votes: { $add: 2 } }), { base: 1 });
    expect(acme.write("bob", update("i1", { votes: 10 }), { base: 1 }).status).toBe("superseded");
    expect(acme.write("bob", update("i1", { votes: 10 }), { base: 2 }).status).toBe("applied");
  });

  it("[W5] a function gets the writer's base value, the server's, and the writer's", () => {
    const seen: unknown[] = [];
    const acme = space({ issues: { atoms: { text: (...values) => seen.push(values) } } }, { text: "a" });
    seen.length = 0;
    acme.write("ann", update("i1", { text: "b" }, { from: { text: "was" } }), { base: 1 });
    expect(seen).toEqual([["was", 1, "b"]]);
    expect(acme.record("issues", "i1")?.["text"]).toBe(1);
  });

  it("[W5] a function that would change what it is given is rejected, and nothing is changed", () => {
    const push: Policy = (_, server, client) => (Array.isArray(server) ? server.push(client) : client);
    const acme = space({ issues: { atoms: { tags: push } } }, { tags: ["x"] });
    expect(acme.write("ann", update("i1", { tags: "y" }))).toMatchObject({ status: "rejected", code: "threw" });
    expect(acme.record("issues", "i1")).toEqual({ id: "i1", tags: ["x"] });
  });

  it("[W5] the journal keeps operators as operators, several on one atom as one", () => {
    const acme = start();
    acme.write("bob", [
      update("i1", { votes: { $add: 2 }, tags: { $insert: ["y"] } }),
      update("i1", { votes: { $add: 1 }, tags: { $insert: ["z"], $remove: ["y"] } }),
    ]);
    expect(acme.entries[1]?.changes[0]?.change).toEqual({
      collection: "issues",
      id: "i1",
      before: { votes: 1, tags: ["x"] },
      after: { votes: 4, tags: ["x", "z"] },
      operators: { votes: { $add: 3 }, tags: { $insert: ["z"], $remove: ["y"] } },
    });
  });

  it("[W5] additions that only together are beyond all numbers leave the journal the value", () => {
    const acme = space({ issues: { atoms: { votes: "sum" } } }, { votes: -1.5e308 });
    acme.write("bob", [update("i1", { votes: { $add: 1e308 } }), update("i1", { votes: { $add: 1e308 } })]);
    const change = acme.entries[1]?.changes[0]?.change;
    expect(change).toMatchObject({ before: { votes: -1.5e308 }, after: { votes: 5e307 } });
    expect(change).not.toHaveProperty("operators");
  });

  it("[W5] after a plain value in the same mutation the journal keeps the value", () => {
    const acme = start();
    acme.write("bob", [update("i1", { votes: 10 }), update("i1", { votes: { $add: 1 } })]);
    expect(acme.entries[1]?.changes[0]?.change).not.toHaveProperty("operators");
    expect(acme.record("issues", "i1")?.["votes"]).toBe(11);
  });

  it("[W5] a result that is not finite is rejected", () => {
    const acme = start();
    acme.write("ann", update("i1", { votes: Number.MAX_VALUE }));
    const outcome = acme.write("bob", update("i1", { votes: { $add: Number.MAX_VALUE } }));
    expect(outcome).toMatchObject({ status: "rejected", code: "not-finite", path: "writes[0].record.votes" });
    expect(acme.write("bob", update("i1", { best: "text" }))).toMatchObject({ status: "rejected", code: "not-finite" });
  });

  it.each([
    ["$add where the policy is another", { note: { $add: 1 } }],
    ["$insert where the policy is another", { votes: { $insert: [1] } }],
    ["$add to what is no number", { odd: { $add: 1 } }],
    ["$insert into what is no list", { even: { $insert: [1] } }],
  ])("[W5] an operator that does not fit is rejected: %s", (_, atoms) => {
    const acme = space({ issues: { atoms: { votes: "sum", odd: "sum", even: "set" } } }, { odd: "x", even: "x" });
    expect(acme.write("bob", update("i1", atoms))).toMatchObject({ status: "rejected", code: "operator" });
  });

  it("[W5] where `expect` does not hold on the server, the write is superseded", () => {
    const acme = space();
    const claim = update("i1", { owner: "bob" }, { expect: { owner: null, status: "open" } });
    expect(acme.write("bob", claim).status).toBe("applied");
    expect(acme.write("ann", claim)).toMatchObject({ status: "superseded", superseded: [lost(["owner"], "expect")] });
    expect(acme.write("ann", remove("i1", { expect: { owner: "ann" } })).status).toBe("superseded");
    expect(acme.write("ann", insert("i2", {}, { expect: { title: "A" } })).status).toBe("superseded");
    expect(acme.record("issues", "i1")?.["owner"]).toBe("bob");
  });
});

describe("writes of a history that a restore has lost", () => {
  it("[R2] of two of them to one atom the one with the greater lost revision wins, in whatever order they arrive", () => {
    for (const order of [
      [96, 98],
      [98, 96],
    ]) {
      const acme = space();
      for (const at of order) acme.write(`c${at}`, update("i1", { status: `${at}` }), { base: 1, lost: at });
      expect(acme.record("issues", "i1")?.["status"]).toBe("98");
    }
  });

  it("[R2] a value that a later one of them confirms stands against those between", () => {
    const acme = space();
    acme.write("ann", update("i1", { status: "x" }), { base: 1, lost: 95 });
    expect(acme.write("bob", update("i1", { status: "x" }), { base: 1, lost: 97 }).revision).toBe(2);
    expect(acme.write("eve", update("i1", { status: "y" }), { base: 1, lost: 96 }).status).toBe("superseded");
  });

  it("[R2] none overwrites what someone wrote in the new history", () => {
    const acme = space();
    acme.write("ann", update("i1", { status: "new" }), { base: 1 });
    expect(acme.write("bob", update("i1", { status: "old" }), { base: 1, lost: 99 }).status).toBe("superseded");
  });

  it("[R2] a record that came back is the one that the other writers of the lost history knew", () => {
    const acme = space();
    acme.write("ann", insert("i2", { title: "back" }), { base: 1, lost: 95 });
    acme.write("eve", update("i2", { status: "done" }), { base: 1, lost: 98 });
    expect(acme.write("bob", update("i2", { owner: "bob" }), { base: 1, lost: 97 }).status).toBe("applied");
    expect(acme.write("bob", remove("i2"), { base: 1, lost: 97 }).status).toBe("superseded");
    expect(acme.write("bob", remove("i2"), { base: 1, lost: 99 }).status).toBe("applied");
  });

  it("[R2] a later one of two lost records of one id stands", () => {
    const acme = space();
    acme.write("ann", insert("i2", { title: "first", owner: "ann" }), { base: 1, lost: 95 });
    acme.write("bob", insert("i2", { title: "second" }), { base: 1, lost: 98 });
    expect(acme.record("issues", "i2")).toEqual({ id: "i2", title: "second" });
    expect(acme.write("ann", insert("i2", { title: "first" }), { base: 1, lost: 95 }).status).toBe("superseded");
  });
});
