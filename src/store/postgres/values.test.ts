import { describe, expect, test } from "vitest";
import { compareKeys, keyParts } from "../../model/record.ts";
import { compareUtf8 } from "../../util/utf8.ts";
import { arrayOf, pairOf, textOf } from "./values.ts";

const KEYS = ["A/x", "a/ ", "a/b", "a/z", "a1/x", "a_/x", "aa/x", "ab/~", "b/\u00e9", "b/\uE000", "b/\u{1F600}"];
const TEXTS = ["", "/", "/x", "a", "a-", "a-b/c", "a:", "a\u0000", "aa", "a/", "a/b", "a/b\u0000", "a/b\u0001", "a~"];

describe("a text among the keys", () => {
  test.each([...TEXTS, ...KEYS])("[V1] %j stands as a pair where it stands as a text", (text) => {
    const [collection, id] = pairOf(text);
    for (const key of KEYS) {
      const parts = keyParts(key);
      const byPair = compareUtf8(parts.collection, collection) || compareUtf8(parts.id, id);
      expect(Math.sign(byPair) || 0, key).toBe(Math.sign(compareKeys(key, text)) || 0);
    }
  });
});

test("[M7] texts go into an array whatever they hold", () => {
  expect(arrayOf(['a"b\\c', "", "null", null, 7, true])).toBe('{"a\\"b\\\\c","","null",NULL,7,true}');
});

test("[P15] a bound of any size is a number that PostgreSQL takes", () => {
  expect([2.7, -0.5, 1e30, -1e30, Number.POSITIVE_INFINITY].map(textOf)).toEqual([
    "2",
    "0",
    "9007199254740991",
    "-9007199254740991",
    "9007199254740991",
  ]);
});
