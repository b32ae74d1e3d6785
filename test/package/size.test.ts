// What a browser loads. The figures are limits, a little above what it is: whoever makes it grow decides so here.
import { describe, expect, it } from "vitest";
import { bundleSize } from "../../scripts/bundle-size.mjs";

const AT_START = { indexeddb: 37_000, opfs: 34_500, react: 38_500 };
const BROWSER = /^src\/(util|model|wire|client|react)\//;

describe.each(Object.entries(AT_START))("the client with %s", (entry, limit) => {
  it(`loads at most ${limit} bytes at start, gzipped, and nothing of a server`, async () => {
    const { start, modules } = await bundleSize(entry);
    expect(start.gzipped).toBeLessThan(limit);
    expect(start.gzipped).toBeGreaterThan(limit * 0.9);
    const own = modules.filter(({ path }) => path.startsWith("src/"));
    expect(own.length).toBeGreaterThan(20);
    expect(own.filter(({ path }) => !BROWSER.test(path) || path.includes("panel"))).toEqual([]);
  });
});
