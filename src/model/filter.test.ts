import { describe, expect, it } from "vitest";
import { type Filter, filterFlaw, matcherOf } from "./filter.ts";
import type { RecordData } from "./record.ts";

const matches = (where: Filter, atoms: object) => matcherOf(where).matches({ id: "i1", ...atoms } as RecordData);

describe("filters", () => {
  it.each<[Filter, object, boolean]>([
    [{}, {}, true],
    [{ a: 1 }, { a: 1 }, true],
    [{ a: 1 }, { a: "1" }, false],
    [{ a: { x: 1, y: 2 } }, { a: { y: 2, x: 1 } }, true],
    [{ a: 1, b: 2 }, { a: 1, b: 3 }, false],
    [{ a: null }, {}, true],
    [{ toString: null }, {}, true],
    [{ a: { $in: [1, null] } }, {}, true],
    [{ a: { $in: [] } }, { a: 1 }, false],
    [{ a: { $ne: 1 } }, {}, true],
    [{ a: { $ne: null } }, {}, false],
    [{ a: { $gt: 1 } }, { a: 1 }, false],
    [{ a: { $gte: 1 } }, { a: 1 }, true],
    [{ a: { $lt: "b" } }, { a: "a" }, true],
    [{ a: { $lte: "b" } }, { a: "c" }, false],
    [{ a: { $gt: 1, $lt: 3 } }, { a: 2 }, true],
    [{ a: { $gt: 1, $lt: 3 } }, { a: 3 }, false],
  ])("[P11] %j of %j: %j", (where, atoms, expected) => {
    expect(matches(where, atoms)).toBe(expected);
  });

  it("[P11] comparisons hold only between two numbers or two strings", () => {
    for (const value of ["2", null, true, [2], { n: 2 }]) expect(matches({ a: { $gt: 1 } }, { a: value })).toBe(false);
    expect(matches({ a: { $gt: "" } }, { a: 2 })).toBe(false);
  });

  it("[P11] strings are compared by UTF-8 bytes, not by UTF-16 units", () => {
    expect(matches({ a: { $gt: "\uff5e" } }, { a: "\u{1f600}" })).toBe(true);
  });

  it("[P11] a matcher names the atoms that it looks at", () => {
    expect(matcherOf({ a: 1, b: { $ne: 2 } }).atoms).toEqual(["a", "b"]);
  });

  it.each<[unknown, string]>([
    [[], ""],
    [null, ""],
    [{ "a b": 1 }, "a b"],
    [{ constructor: 1 }, "constructor"],
    [{ a: { $like: "x" } }, "a.$like"],
    [{ a: { $gt: 1, b: 2 } }, "a.b"],
    [{ a: { $in: 1 } }, "a.$in"],
    [{ a: { $gt: null } }, "a.$gt"],
    [{ a: { toString: 1, $gt: 1 } }, "a.toString"],
  ])("[P11] a filter that is not well formed names the path: %j", (filter, path) => {
    expect(filterFlaw(filter)).toMatchObject({ path });
  });

  it("[P11] a well-formed filter has no flaw", () => {
    expect(
      filterFlaw({ a: 1, b: { $in: [1, "x"], $ne: null }, c: { nested: { $gt: 1 } }, d: { $lte: "z" } }),
    ).toBeNull();
  });
});
