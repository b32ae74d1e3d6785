import { describe, expect, it } from "vitest";
import { insert, remove, TestSpace, update } from "../../test/support/space.ts";
import type { HistoryItem } from "./entry.ts";
import { versionsOf } from "./history.ts";

function historyOf(acme: TestSpace, id: string): HistoryItem[] {
  const items = acme.entries.flatMap(({ revision, time, author, mutation, changes }) =>
    changes
      .filter(({ change }) => change.id === id)
      .map(({ change }) => ({ revision, time, author, mutation, change })),
  );
  return items.reverse();
}

describe("history", () => {
  it("[K3] shows a record at each of its revisions, with who changed which atom when", () => {
    const acme = new TestSpace({ issues: {} });
    acme.write("c1", insert("i1", { title: "A", owner: "ann" }));
    acme.write("c2", update("i1", { title: "B", owner: null, status: "open" }));
    acme.write("c2", [remove("i1"), insert("i1", { title: "C" })]);
    acme.write("c1", remove("i1"));
    acme.write("c3", insert("i1", { title: "D" }));
    const versions = versionsOf(acme.row("issues", "i1").text, historyOf(acme, "i1"));
    expect(versions.map(({ revision, author, record }) => [revision, author, record])).toEqual([
      [5, "ann\nc3", { id: "i1", title: "D" }],
      [4, "ann\nc1", null],
      [3, "ann\nc2", { id: "i1", title: "C" }],
      [2, "ann\nc2", { id: "i1", title: "B", status: "open" }],
      [1, "ann\nc1", { id: "i1", title: "A", owner: "ann" }],
    ]);
    expect(versions[3]).toMatchObject({
      before: { title: "A", owner: "ann", status: null },
      after: { title: "B", owner: null, status: "open" },
      time: 1_000,
      mutation: 1,
    });
  });

  it("[K3] goes back as far as the journal does", () => {
    const acme = new TestSpace({ issues: {} });
    acme.write("c1", insert("i1", { a: 1, b: 1 }));
    acme.write("c1", update("i1", { a: 2 }));
    const [kept] = historyOf(acme, "i1");
    expect(versionsOf(acme.row("issues", "i1").text, [kept as HistoryItem])).toMatchObject([
      { revision: 2, record: { a: 2, b: 1 } },
    ]);
    expect(versionsOf(null, [])).toEqual([]);
  });
});
