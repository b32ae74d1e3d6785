import fc from "fast-check";
import { expect, test } from "vitest";
import { idOf, partsOf } from "./names.ts";
import { jsonOf, rowOf, textOf } from "./values.ts";

test("[T1] an id is taken apart into the columns that it was made of", () => {
  const part = fc.string({ unit: fc.constantFrom("a", ",", "%", "2", "C", "\n", "\u007f", "é", "😀", " ") });
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 3 }), (parts) => {
      expect(partsOf(idOf(parts), parts.length)).toEqual(parts);
    }),
  );
});

test("[T1] a text that no key makes is no id of a row", () => {
  expect(partsOf("a%2cb", 1)).toBeNull();
  expect(partsOf("a", 2)).toBeNull();
  expect(partsOf("a,b,c", 2)).toBeNull();
});

test.each([
  ["boolean", "t", true],
  ["number", "-1.5e+20", -1.5e20],
  ["number", "NaN", "NaN"],
  ["timestamp", "2026-01-02 03:04:05.678901+00", "2026-01-02T03:04:05.678901Z"],
  ["timestamp", "2026-01-02 03:04:05", "2026-01-02T03:04:05"],
  ["timestamp", "infinity", "infinity"],
  ["bytes", "\\x00ff10", "AP8Q"],
  ["json", '{"a": [1, null]}', { a: [1, null] }],
  ["list", '{a,"b c","NULL",NULL,"q\\"\\\\",{}}', ["a", "b c", "NULL", null, 'q"\\', []]],
  ["list", "[0:1]={1,2}", ["1", "2"]],
  ["padded", "ab  ", "ab"],
] as const)("[T1] %s reads %j as %j", (kind, text, json) => {
  expect(jsonOf(kind, text)).toEqual(json);
});

test("[T1] what is written is what was read", () => {
  expect(textOf("bytes", "AP8Q")).toBe("\\x00ff10");
  expect(textOf("list", ["a", null, ['q"\\']])).toBe('{"a",NULL,{"q\\"\\\\"}}');
  expect(textOf("json", "x")).toBe('"x"');
  expect(textOf("number", 1e21)).toBe("1e+21");
});

test("[T3] a row is read as PostgreSQL writes it", () => {
  expect(rowOf('(1,"a ""b"" \\\\",,"","(x,y)")')).toEqual(["1", 'a "b" \\', null, "", "(x,y)"]);
  expect(rowOf("()")).toEqual([null]);
});
