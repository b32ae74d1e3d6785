import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonical, isObject, type Json, sameJson } from "./json.ts";

describe("canonical JSON (RFC 8785)", () => {
  it("[P9] writes the RFC's own example as the RFC does (section 3.2.2)", () => {
    const value = {
      numbers: [333333333.33333329, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
      literals: [null, true, false],
    };
    expect(canonical(value)).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
  });

  it("[P9] sorts keys by UTF-16 code units, as the RFC's section 3.2.3 shows", () => {
    const value = {
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One",
      "\u{1f600}": "Emoji: Grinning Face",
      "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis",
    };
    expect(Object.values(JSON.parse(`[${canonical(value).match(/"[^"]*"(?=[,}])/g)}]`))).toEqual([
      "Carriage Return",
      "One",
      "Control",
      "Latin Small Letter O With Diaeresis",
      "Euro Sign",
      "Emoji: Grinning Face",
      "Hebrew Letter Dalet With Dagesh",
    ]);
  });

  it.each<[Json, string]>([
    [{ "10": 1, "9": 2, a: { "2": 1, "10": 2 } }, '{"10":1,"9":2,"a":{"10":2,"2":1}}'],
    [-0, "0"],
    [[1e21, 1e-7, 123456789012345680000, 5e-324], "[1e+21,1e-7,123456789012345680000,5e-324]"],
    [{ b: [], a: {} }, '{"a":{},"b":[]}'],
    ["\u2028\u007f", '"\u2028\u007f"'],
    [{ a: undefined as unknown as Json, b: 1 }, '{"b":1}'],
    [{ b: 1, a: undefined as unknown as Json }, '{"b":1}'],
  ])("[P9] %j", (value, text) => {
    expect(canonical(value)).toBe(text);
  });

  it("[P9] gives one text for one value, in whatever order its members stand, and loses nothing", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonical(value as Json);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonical(reversed(value as Json))).toBe(text);
        expect(sameJson(reversed(value as Json), value as Json)).toBe(true);
      }),
    );
  });
});

function reversed(value: Json): Json {
  if (Array.isArray(value)) return value.map(reversed);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member as Json)]),
  );
}

describe("equality of JSON values", () => {
  it.each<[Json, Json, boolean]>([
    [1, 1, true],
    [0, -0, true],
    [1, "1", false],
    [null, false, false],
    [null, {}, false],
    [[], {}, false],
    [[1, 2], [2, 1], false],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
  ])("[W1] %j and %j: %j", (a, b, same) => {
    expect(sameJson(a, b)).toBe(same);
  });
});
