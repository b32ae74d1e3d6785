import { describe, expect, it } from "vitest";
import { canonical } from "../util/json.ts";
import {
  addFingerprints,
  addLanes,
  digestOf,
  EMPTY,
  formatDigest,
  sameFingerprint,
  subtractLanes,
} from "./fingerprint.ts";

describe("fingerprints", () => {
  it("[P9] the digest of a record is the first 16 bytes of the SHA-256 of its canonical JSON with its collection", () => {
    expect(formatDigest(digestOf("issues", '{"id":"i1","title":"A"}'))).toBe("011d13e597c549b62ba99bb00cc8062a");
  });

  it("[P9] the canonical JSON is that of RFC 8785, in UTF-8", () => {
    const text = canonical({ text: '\u20ac$\u000f\nA\'B"\\\\"/', n: 1e21, id: "é" });
    expect(formatDigest(digestOf("issues", text))).toBe("4e61731d42c9004445c1e7cad1a9eb82");
  });

  it("[P9] the digest of a set is the lane-wise sum modulo 2^32", () => {
    expect(addLanes([0xffffffff, 1, 0x80000000, 0], [1, 2, 0x80000000, 0])).toEqual([0, 3, 0, 0]);
    expect(subtractLanes([0, 3, 0, 0], [1, 2, 0x80000000, 0])).toEqual([0xffffffff, 1, 0x80000000, 0]);
    expect(formatDigest([1, 0x0a, 0, 0xffffffff])).toBe("000000010000000a00000000ffffffff");
  });

  it("[P9] order does not matter, and what is taken away leaves no trace", () => {
    const [a, b] = ["1", "2"].map((id) => ({ count: 1, lanes: digestOf("issues", `{"id":"${id}"}`) })) as [
      typeof EMPTY,
      typeof EMPTY,
    ];
    expect(sameFingerprint(addFingerprints(a, b), addFingerprints(b, a))).toBe(true);
    expect(subtractLanes(addLanes(a.lanes, b.lanes), b.lanes)).toEqual(a.lanes);
    expect(sameFingerprint(a, b)).toBe(false);
    expect(sameFingerprint(a, { ...a, count: 2 })).toBe(false);
    expect(addFingerprints(EMPTY, a)).toEqual(a);
  });
});
