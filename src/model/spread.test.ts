import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatCursor, type PatternCursor, pointOf, readCursor } from "./cursor.ts";
import type { Membership } from "./record.ts";
import { type Aged, coveredOf, jointMembership, scopesCovered, spreadOf } from "./spread.ts";

const aged = (...scopes: [string, number][]): Aged[] => scopes.map(([scope, since]) => ({ scope, since }));
const ALL = aged(["a", 1], ["b", 1], ["c", 3], ["d", 5], ["e", 8]);
const set = (...scopes: string[]) => new Set(scopes);

describe("the scopes that a cursor covers", () => {
  it("[P16] are told by their place among those that there were, however many come later", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 200 }), fc.nat(20), (readable, later) => {
        const all = readable.map((_, i) => ({ scope: `s${i}`, since: i + 1 }));
        const held = new Set(all.filter((_, i) => readable[i]).map(({ scope }) => scope));
        const covered = coveredOf(all, held, all.length);
        const more = Array.from({ length: later }, (_, i) => ({ scope: `t${i}`, since: all.length + 1 + i }));
        expect(scopesCovered(covered, [...all, ...more])).toEqual(held);
      }),
    );
  });

  it("[P16] are compared with those of now: what is newer is kept, what was there is added, what may not be read is dropped", () => {
    const covered = coveredOf(ALL, set("a", "c"), 4);
    expect(spreadOf(covered, ALL, set("b", "c", "e"))).toEqual({
      kept: set("c", "e"),
      added: set("b"),
      dropped: set("a"),
    });
  });

  it("[P16] cannot be told where there are too many runs of them, but whether they are the same", () => {
    const all = Array.from({ length: 700 }, (_, i) => ({ scope: `s${i}`, since: 1 }));
    const half = new Set(all.filter((_, i) => i % 2 === 0).map(({ scope }) => scope));
    const covered = coveredOf(all, half, 1);
    expect(covered.runs).toBeNull();
    expect(spreadOf(covered, all, half)).toMatchObject({ added: set(), dropped: set() });
    expect(spreadOf(covered, all, set("s1"))).toBeNull();
  });

  it("[P16] are not guessed where the names are not those that were covered", () => {
    const covered = coveredOf(ALL, set("a", "c"), 4);
    expect(scopesCovered(covered, aged(["a", 1], ["b", 1], ["x", 3]))).toBeNull();
  });

  it("[P16] fit into a cursor, also of an answer under way, and are read back", () => {
    const at = pointOf(9, "ab".repeat(32));
    const coverage = { scope: "p/*" };
    const target = { digest: "0123456789ab", known: 300, caught: 200 };
    const patterns: PatternCursor[] = [
      { covered: coveredOf(ALL, set("a", "c", "e"), 9) },
      { covered: coveredOf(ALL, set(), 9), target },
      { covered: { known: 9, digest: "ffffffffffff", runs: null }, target },
    ];
    for (const pattern of patterns) {
      for (const more of [
        {},
        { copy: { key: "t/é", page: at } },
        { copy: { key: "t/1", page: at, tail: 7 } },
        { paged: { reached: 5, page: at } },
      ]) {
        const cursor = { at, pattern, ...more };
        expect(readCursor("acme", coverage, formatCursor("acme", coverage, cursor))).toEqual({ kind: "good", cursor });
      }
    }
  });
});

describe("a record in several scopes together", () => {
  const member = (entered: number, left: number | null = null): Membership => ({
    revision: left ?? entered,
    entered,
    first: entered,
    present: left === null,
  });
  const spread = { kept: set("a", "b", "c"), added: set("n"), dropped: set("d") };
  const joint = (members: { [scope: string]: Membership }, paged = false) =>
    jointMembership(new Map(Object.entries(members)), spread, paged);

  it("[P16 P2] came in where a time without a gap began", () => {
    expect(joint({ a: member(2, 5), b: member(5) })).toEqual({ entered: 2, first: 2, present: true });
    expect(joint({ a: member(2, 5), b: member(6) })).toEqual({ entered: 6, first: 2, present: true });
    expect(joint({ a: member(1, 3), b: member(3, 9), c: member(7) })).toMatchObject({ entered: 1 });
    expect(joint({ a: member(4), b: member(2) })).toMatchObject({ entered: 2 });
  });

  it("[P16] is there while one of them that may be read holds it, and new where only an added one does", () => {
    expect(joint({ d: member(2) })).toEqual({ entered: Number.POSITIVE_INFINITY, first: 2, present: false });
    expect(joint({ d: member(2), n: member(3) })).toMatchObject({ entered: Number.POSITIVE_INFINITY, present: true });
    expect(joint({ other: member(2), "*": member(1) })).toMatchObject({
      present: false,
      first: Number.POSITIVE_INFINITY,
    });
  });

  it("[P16] may be held from an added scope only once pages of it have been shown", () => {
    expect(joint({ n: member(2, 4) }).first).toBe(Number.POSITIVE_INFINITY);
    expect(joint({ n: member(2, 4) }, true).first).toBe(2);
  });
});
