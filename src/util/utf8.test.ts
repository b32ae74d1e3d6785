import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareUtf8, utf8, utf8Length } from "./utf8.ts";

const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom("a", "\u00e9", "\uffff", "\ue000", "\u{10000}", "\u{1f600}"),
    fc.string({ unit: "binary", maxLength: 2 }),
  ),
});

describe("UTF-8", () => {
  it("[M7] a length is that of the bytes, also where surrogates stand alone", () => {
    fc.assert(fc.property(anyText, (text) => utf8Length(text) === utf8(text).length));
    for (const text of ["\ud800", "\ud800a", "\ud800\u00e9", "a\udc00", "\ud800\ud800\udc00"])
      expect(utf8Length(text)).toBe(utf8(text).length);
  });

  it("[P5] texts are ordered as their bytes are", () => {
    fc.assert(
      fc.property(anyText, anyText, (a, b) => {
        expect(Math.sign(compareUtf8(a, b))).toBe(Math.sign(compareBytes(utf8(a), utf8(b))));
      }),
    );
    expect(compareUtf8("\u{10000}", "\ue000")).toBeGreaterThan(0);
  });
});

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, i) => byte !== b[i]);
  return at < 0 ? a.length - b.length : (a[at] as number) - (b[at] ?? -1);
}
