import { expect, test } from "vitest";
import { Digests } from "./digests.ts";

test("[I12] a set of digests knows what it was given, each once, and nothing else", () => {
  const digests = new Digests();
  for (let i = 0; i < 20_000; i++) digests.add(`key ${i % 10_000}`);
  expect(digests.size).toBe(10_000);
  for (let i = 0; i < 10_000; i++) {
    expect(digests.has(`key ${i}`)).toBe(true);
    expect(digests.has(`other ${i}`)).toBe(false);
  }
});
