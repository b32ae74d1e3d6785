import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { assert, InvariantError, must } from "./assert.ts";
import { backoff } from "./backoff.ts";
import { fromBase64Url, toBase64Url } from "./base64.ts";
import { systemClock } from "./clock.ts";
import { canonical } from "./json.ts";
import { randomName, systemRandom } from "./random.ts";
import { sha256, sha256Hex, sha256Words, toHex } from "./sha256.ts";
import { sha256State } from "./sha256-portable.ts";

describe("SHA-256", () => {
  it("[P9] gives the vectors of FIPS 180-4, in text and in bytes", () => {
    expect(sha256Hex("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(sha256Hex("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect(toHex(sha256(Uint8Array.of(0x61, 0x62, 0x63)))).toBe(sha256Hex("abc"));
  });

  it("[P9] is the same with Node's own hash and without", () => {
    const portable = (data: string | Uint8Array) =>
      [...sha256State(data)].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
    const lengths = [...Array(200).keys(), 8_191, 8_192, 65_536];
    for (const length of lengths) {
      const bytes = systemRandom.bytes(length);
      expect(portable(bytes)).toBe(createHash("sha256").update(bytes).digest("hex"));
    }
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => sha256Hex(text) === portable(text)));
    const long = "é😀\ud800".repeat(5_000);
    expect(portable(long)).toBe(sha256Hex(long));
  });

  it("[P9] gives its first 16 bytes as four words", () => {
    expect(sha256Words("abc")).toEqual([0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223]);
  });
});

describe("base64url", () => {
  it("round trips any bytes, without padding", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const text = toBase64Url(bytes);
        expect(text).toMatch(/^[A-Za-z0-9_-]*$/);
        expect(fromBase64Url(text)).toEqual(bytes);
      }),
    );
  });
  it.each(["a", "a=", "a b", "a+b/", "aaé", "aaaaa"])("does not read %j", (text) => {
    expect(fromBase64Url(text)).toBeNull();
  });
});

describe("backoff", () => {
  const limits = { first: 100, most: 5_000 };
  const random = (fraction: number) => ({ ...systemRandom, fraction: () => fraction });

  it("doubles its upper bound up to the greatest, and draws evenly below it", () => {
    expect([0, 1, 2, 5, 6, 1_000].map((attempt) => backoff(attempt, limits, random(1)))).toEqual([
      100, 200, 400, 3_200, 5_000, 5_000,
    ]);
    expect(backoff(3, limits, random(0))).toBe(0);
    expect(backoff(3, limits, random(0.5))).toBe(400);
  });
});

describe("small things", () => {
  it("a random name has 22 characters, and is another each time", () => {
    const names = Array.from({ length: 100 }, () => randomName(systemRandom));
    expect(new Set(names).size).toBe(100);
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_-]{22}$/);
  });

  it("a sleep ends when its signal is aborted, and one that is aborted already does not begin", async () => {
    const stop = new AbortController();
    const asleep = systemClock.sleep(3_600_000, stop.signal);
    stop.abort();
    await asleep;
    await systemClock.sleep(3_600_000, stop.signal);
  });

  it("a sleep longer than a timer can be does not end at once", async () => {
    vi.useFakeTimers();
    let ended = false;
    const asleep = systemClock.sleep(30 * 86_400_000).then(() => {
      ended = true;
    });
    await vi.advanceTimersByTimeAsync(29 * 86_400_000);
    expect(ended).toBe(false);
    await vi.advanceTimersByTimeAsync(86_400_000);
    await asleep;
    vi.useRealTimers();
  });

  it("a broken invariant says which", () => {
    expect(() => assert(false, "one")).toThrow(new InvariantError("one"));
    expect(() => must(null, "two")).toThrow(InvariantError);
    expect(must(0, "three")).toBe(0);
  });
});

describe("canonical text", () => {
  it("[P9] sorts keys as texts also where JavaScript keeps them as integers", () => {
    const value = JSON.parse('{"nested":{"9":2,"10":1,"b":[{"2":1,"10":0}]},"id":"x"}');
    expect(canonical(value)).toBe('{"id":"x","nested":{"10":1,"9":2,"b":[{"10":0,"2":1}]}}');
  });
});
