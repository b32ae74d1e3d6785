import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Coverage,
  type Cursor,
  coverageDigest,
  cursorRevision,
  formatCursor,
  pointOf,
  readCursor,
  readPoint,
} from "./cursor.ts";

const HASH = "0123456789abcdef".repeat(4);
const SCOPE: Coverage = { scope: "project/7" };
const AT = pointOf(2149, HASH);

describe("cursors", () => {
  it("[P5] a cursor comes back as it was given: complete, in a copy, in a paged delta", () => {
    const revision = fc.nat({ max: Number.MAX_SAFE_INTEGER });
    const point = fc.record({ revision, hash: fc.stringMatching(/^[0-9a-f]{16}$/) });
    const cursor: fc.Arbitrary<Cursor> = fc.oneof(
      fc.record({ at: point }),
      fc.record({
        at: point,
        copy: fc.record({
          key: fc.string({ unit: "grapheme", minLength: 1 }).map((id) => `issues/${id}`),
          page: point,
        }),
      }),
      fc.record({ at: point, copy: fc.record({ key: fc.constant("issues/i1"), page: point, tail: revision }) }),
      fc.record({ at: point, paged: fc.record({ reached: revision, page: point }) }),
    );
    fc.assert(
      fc.property(cursor, (given) => {
        const text = formatCursor("acme", SCOPE, given);
        expect(readCursor("acme", SCOPE, text)).toEqual({ kind: "good", cursor: given });
        expect(readPoint("acme", text)).toEqual(given.at);
        expect(cursorRevision(text)).toBe(given.at.revision);
      }),
    );
  });

  it.each<[string, Coverage]>([
    ["scope", { scope: "project/8" }],
    ["set of collections", { ...SCOPE, collections: ["issues"] }],
    ["filter", { ...SCOPE, where: { status: "open" } }],
  ])("[P6] a cursor that was given for another %s is `changed`", (_, other) => {
    expect(readCursor("acme", other, formatCursor("acme", SCOPE, { at: AT }))).toMatchObject({
      kind: "changed",
      cursor: { at: AT },
    });
  });

  it("[P6] the order and repetition of what is asked for does not matter", () => {
    const one = { ...SCOPE, collections: ["a", "b"], where: { x: 1, y: 2 } };
    const two = { ...SCOPE, collections: ["b", "a", "b"], where: { y: 2, x: 1 } };
    expect(coverageDigest("acme", one)).toBe(coverageDigest("acme", two));
  });

  it("[P6] a cursor of another space cannot be read", () => {
    const text = formatCursor("other", SCOPE, { at: AT });
    expect(readCursor("acme", SCOPE, text)).toEqual({ kind: "unreadable" });
    expect(readPoint("acme", text)).toBeNull();
  });

  const good = formatCursor("acme", SCOPE, { at: AT, copy: { key: "issues/i1", page: AT } });
  it.each([
    ["empty", ""],
    ["no base64url", "not a cursor!"],
    ["another text", "aGVsbG8gd29ybGQ"],
    ["JSON", '{"revision":1}'],
    ["cut short", good.slice(0, -1)],
    ["longer", `${good}AAAA`],
    ["of another version", `B${good.slice(1)}`],
  ])("[P6] a text that is %s cannot be read", (_, text) => {
    expect(readCursor("acme", SCOPE, text)).toEqual({ kind: "unreadable" });
    expect(cursorRevision(text)).toBeNull();
  });

  it("[P6] a cursor with any one character changed cannot be read", () => {
    for (let i = 0; i < good.length - 1; i++) {
      const changed = `${good.slice(0, i)}${good[i] === "x" ? "y" : "x"}${good.slice(i + 1)}`;
      expect(readCursor("acme", SCOPE, changed)).toEqual({ kind: "unreadable" });
    }
  });

  it("[P12] a cursor of a complete replica is short", () => {
    expect(formatCursor("acme", SCOPE, { at: AT }).length).toBeLessThan(40);
  });
});
