import { describe, expect, it } from "vitest";
import { insert, TestSpace } from "../../test/support/space.ts";
import { type Audit, auditEnd, auditOf, auditRun } from "./audit.ts";
import type { Horizon } from "./batch.ts";
import type { Entry, JournalEntry } from "./entry.ts";

const NONE: Horizon = { journal: 0, tombstones: 0 };

/** Six transactions, as a journal answers them. */
function journal(): { entries: JournalEntry[]; head: { revision: number; hash: string } } {
  const acme = new TestSpace({ issues: {} });
  for (let i = 1; i <= 6; i++) acme.write("c1", insert(`i${i}`, { n: i }));
  return { entries: acme.entries.map((entry) => ({ ...entry, cut: false })), head: acme.head };
}

function audited(entries: readonly JournalEntry[], head: { revision: number; hash: string }, horizon = NONE): Audit {
  return auditEnd(auditRun(auditOf(horizon), entries), head);
}
const stub = ({ revision, time, hash }: JournalEntry): JournalEntry => ({ revision, time, hash, cut: true });
const swap = (entries: JournalEntry[], i: number, of: Partial<Entry>) =>
  entries.map((entry, at) => (at === i ? ({ ...entry, ...of } as JournalEntry) : entry));

describe("audit", () => {
  it("[K1] a whole journal holds, in one run or in several", () => {
    const { entries, head } = journal();
    expect(audited(entries, head)).toMatchObject({ finding: null, proved: 6, stubs: 0, point: { revision: 6 } });
    const runs = [entries.slice(0, 2), [], entries.slice(2)].reduce(auditRun, auditOf(NONE));
    expect(auditEnd(runs, head)).toMatchObject({ finding: null, proved: 6 });
  });

  it("[K1] an empty journal of an empty space holds", () => {
    expect(audited([], { revision: 0, hash: "0".repeat(64) }).finding).toBeNull();
  });

  it.each<[string, Partial<Entry>]>([
    ["its time", { time: 1_500 }],
    ["its author", { author: "eve\nc1" }],
    ["its number of the mutation", { mutation: 9 }],
    ["its changes", { changes: [] }],
    ["its hash", { hash: "f".repeat(64) }],
  ])("[K1] the first entry that was changed is named: %s", (_, of) => {
    const { entries, head } = journal();
    expect(audited(swap(entries, 2, of), head).finding).toMatchObject({ revision: 3, what: "changed" });
  });

  it("[K1] a changed value, and a changed salt, is found", () => {
    const { entries, head } = journal();
    const [{ change, salt }] = (entries[2] as Entry).changes as [Entry["changes"][number]];
    const value = [{ change: { ...change, after: { n: 4 } }, salt }];
    expect(audited(swap(entries, 2, { changes: value }), head).finding).toMatchObject({ revision: 3, what: "changed" });
    expect(audited(swap(entries, 2, { changes: [{ change, salt: "0".repeat(31) }] }), head).finding).toMatchObject({
      revision: 3,
    });
  });

  it("[K1] the first entry that was removed is named: in the middle, at the start, at the end", () => {
    const { entries, head } = journal();
    const without = (...revisions: number[]) => entries.filter(({ revision }) => !revisions.includes(revision));
    expect(audited(without(3, 4), head).finding).toMatchObject({ revision: 3, what: "removed" });
    expect(audited(without(1), head).finding).toMatchObject({ revision: 1, what: "removed" });
    expect(audited(without(5, 6), head).finding).toMatchObject({ revision: 5, what: "removed" });
  });

  it("[K1] entries that changed places are named, also where they changed numbers", () => {
    const { entries, head } = journal();
    const [one, two, three, four, ...rest] = entries as [JournalEntry, JournalEntry, JournalEntry, JournalEntry];
    expect(audited([one, three, two, four, ...rest], head).finding).toMatchObject({ revision: 2, what: "reordered" });
    const renumbered = [one, { ...three, revision: 2 }, { ...two, revision: 3 }, four, ...rest];
    expect(audited(renumbered, head).finding).toMatchObject({ revision: 2, what: "changed" });
  });

  it("[K1] a journal that ends in another hash than the head is named", () => {
    const { entries, head } = journal();
    expect(audited(entries, { ...head, hash: "f".repeat(64) }).finding).toMatchObject({ revision: 6, what: "changed" });
    expect(audited(entries, { ...head, revision: 5 }).finding).toMatchObject({ revision: 6 });
  });

  it("[G1] below the journal's horizon hashes suffice, and below the tombstones' nothing is asked", () => {
    const { entries, head } = journal();
    const cut = entries.map((entry, i) => (i < 4 ? stub(entry) : entry)).slice(1);
    expect(audited(cut, head, { journal: 4, tombstones: 2 })).toMatchObject({ finding: null, proved: 2, stubs: 3 });
    expect(audited(cut, head, { journal: 4, tombstones: 1 }).finding).toMatchObject({ revision: 1, what: "removed" });
    expect(audited(cut, head, { journal: 3, tombstones: 2 }).finding).toMatchObject({ revision: 4, what: "removed" });
  });

  it("[K1] [G1] where the tombstones' horizon has lost its own entry, that one is named", () => {
    const { entries, head } = journal();
    const horizon = { journal: 3, tombstones: 3 };
    expect(audited(entries.slice(3), head, horizon).finding).toMatchObject({ revision: 3, what: "removed" });
    expect(audited([], head, horizon).finding).toMatchObject({ revision: 3, what: "removed" });
  });

  it("[K1] the first whole entry proves the stub before it", () => {
    const { entries, head } = journal();
    const cut = entries.map((entry, i) => (i < 4 ? stub(entry) : entry));
    const forged = swap(cut, 3, { hash: "f".repeat(64) });
    expect(audited(forged, head, { journal: 4, tombstones: 0 }).finding).toMatchObject({
      revision: 5,
      what: "changed",
    });
  });
});
