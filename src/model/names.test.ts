import { describe, expect, it } from "vitest";
import { idFlaw, nameFlaw, scopeFlaw, spaceFlaw, valueFlaw } from "./names.ts";

describe("names", () => {
  it.each(["a", "ä".repeat(128), "id with space/and:more", "\u{1f600}"])("[M7] an id may be %j", (id) => {
    expect(idFlaw(id)).toBeNull();
  });
  it.each(["", "x".repeat(257), "ä".repeat(129), "a\nb", "a\u0000", "\u007f", "\u0085", "a\ud800", 7, null])(
    "[M7] an id may not be %j",
    (id) => {
      expect(idFlaw(id)).toBeTypeOf("string");
    },
  );

  it.each(["a", "_", "aB_9", "toString", "x".repeat(64)])("[M7] a collection or an atom may be %s", (name) => {
    expect(nameFlaw(name)).toBeNull();
  });
  it.each(["", "9a", "a-b", "a.b", "ä", "x".repeat(65), "a\n", "__proto__", "constructor", "prototype"])(
    "[M7] a name may not be %j",
    (name) => {
      expect(nameFlaw(name)).toBeTypeOf("string");
    },
  );

  it.each(["*", "project/7", "a.b:c@d-e_F", "x".repeat(256)])("[M7] a scope may be %s", (scope) => {
    expect(scopeFlaw(scope)).toBeNull();
  });
  it.each([
    "",
    "**",
    "project/*",
    "a b",
    "ä",
    "x".repeat(257),
    "a\n",
    "__proto__",
    "constructor",
    "prototype",
    7,
    null,
  ])("[M7] a scope may not be %j", (scope) => {
    expect(scopeFlaw(scope)).toBeTypeOf("string");
  });

  it.each(["a", "0-a", "x".repeat(63)])("[M7] a space may be %s", (space) => {
    expect(spaceFlaw(space)).toBeNull();
  });
  it.each(["", "-a", "A", "a_b", "x".repeat(64), "a\n"])("[M7] a space may not be %j", (space) => {
    expect(spaceFlaw(space)).toBeTypeOf("string");
  });
});

describe("values", () => {
  const LIMITS = { depth: 3 };

  it.each([[null], [true], [0], [-1.5e300], [""], ["\u0000"], [[[[1]]]], [{ a: { b: { c: 1 } } }]])(
    "[M7] a value may be %j",
    (value) => {
      expect(valueFlaw(value, LIMITS)).toBeNull();
    },
  );

  it.each<[string, unknown, string]>([
    ["a number that is not finite", { a: [Number.NaN] }, ".a[0]"],
    ["an infinite number", Number.POSITIVE_INFINITY, ""],
    ["a lone surrogate", { a: "x\udfff" }, ".a"],
    ["a key with a lone surrogate", { a: { "\ud800": 1 } }, ".a"],
    ["more nesting than the limit", [[[[]]]], "[0][0][0]"],
    ["undefined", { a: undefined }, ".a"],
    ["a function", [() => 1], "[0]"],
    ["a key of prototypes", JSON.parse('{"a":{"__proto__":1}}'), ".a.__proto__"],
  ])("[M7] a value may not hold %s", (_, value, path) => {
    expect(valueFlaw(value, LIMITS)).toMatchObject({ path });
  });
});
