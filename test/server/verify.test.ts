import { describe, expect, it } from "vitest";
import { addLanes, digestOf, formatDigest, NO_LANES } from "../../src/model/fingerprint.ts";
import { canonical } from "../../src/util/json.ts";
import type { Line } from "../../src/wire/lines.ts";
import { cursorOf, endOf, insert, ofOp, opsOf, problemIn, SPACE, TestServer, update } from "../support/server.ts";

const ALL = [{ from: null, to: null }];
const named = (i: number) => `r${String(i).padStart(4, "0")}`;

async function filled(count: number): Promise<TestServer> {
  const server = new TestServer();
  const writes = Array.from({ length: count }, (_, i) => insert(named(i), { n: i, odd: i % 2 === 1 }));
  await server.write("c1", writes);
  return server;
}

const ranges = (lines: readonly Line[]) => ofOp(lines, "range");

describe.each([
  ["a whole scope", {}, 1_000],
  ["a filtered subscription", { where: { odd: true } }, 500],
])("verify of %s", (_, extra, count) => {
  const subscription = { scope: "*", ...extra };

  it("[V1] the parts cover the range without gap or overlap, at most fanout, of like size", async () => {
    await using server = await filled(1_000);
    const parts = ranges(await server.verify({ subscription, ranges: ALL, fanout: 8, leaf: 10 }));
    expect(parts.length).toBeLessThanOrEqual(8);
    expect(parts[0]?.from).toBeNull();
    expect(parts.at(-1)?.to).toBeNull();
    for (const [i, part] of parts.entries()) if (i > 0) expect(part.from).toBe(parts[i - 1]?.to);
    expect(parts.reduce((sum, part) => sum + part.count, 0)).toBe(count);
    for (const part of parts) expect(part.count).toBeLessThanOrEqual((2 * count) / 8);
  });

  it("[V1] a part of no more than leaf records comes with them, in the order of their keys", async () => {
    await using server = await filled(1_000);
    const range = { from: "items/r0100", to: "items/r0110" };
    const parts = ranges(await server.verify({ subscription, ranges: [range], fanout: 4, leaf: 64 }));
    const records = parts.flatMap((part) => part.records ?? []);
    expect(parts[0]?.from).toBe(range.from);
    expect(parts.at(-1)?.to).toBe(range.to);
    expect(records).toHaveLength(count / 100);
    expect(records.map(([, { id }]) => id)).toEqual(records.map(([, { id }]) => id).sort());
    const sum = records.reduce((lanes, [name, data]) => addLanes(lanes, digestOf(name, canonical(data))), NO_LANES);
    expect(parts.map((part) => part.digest)).toEqual([formatDigest(sum)]);
  });

  it("[V2] with no ranges it is one round that tells the fingerprint, below 1 KiB", async () => {
    await using server = await filled(1_000);
    const cursor = cursorOf(await server.pull([subscription]), "*");
    const response = await server.post(`${SPACE}/verify`, { subscription: { ...subscription, cursor }, ranges: [] });
    const text = await response.text();
    expect(text.length).toBeLessThan(1_024);
    expect(JSON.parse(text.trimEnd().split("\n").at(-1) as string).subscriptions["*"]).toMatchObject({ count });
  });

  it("[V4] a replica that is behind is brought to the revision first, of which the ranges are then told", async () => {
    await using server = await filled(10);
    const cursor = cursorOf(await server.pull([subscription]), "*");
    await server.write("c2", update(named(1), { n: -1 }));
    const lines = await server.verify({ subscription: { ...subscription, cursor }, ranges: ALL });
    expect(opsOf(lines)).toEqual(["begin", "subscription", "patch", "range", "end"]);
    const told = ranges(lines)[0];
    expect(told?.digest).toBe(endOf(lines).subscriptions["*"]?.digest);
    expect(told?.records?.map(([, data]) => data)).toContainEqual({ id: named(1), n: -1, odd: true });
  });
});

describe("verify", () => {
  it("[H5] [V1] brings the replica's other subscriptions to the same revision", async () => {
    await using server = await filled(10);
    const others = [{ scope: "box/1", key: "other" }];
    const lines = await server.verify({ subscription: { scope: "*" }, others, ranges: [] });
    expect(Object.keys(endOf(lines).subscriptions)).toEqual(["*", "other"]);
  });

  it("[V1] answers several ranges in their order, empty ones too", async () => {
    await using server = await filled(10);
    const asked = [
      { from: "items/r0005", to: null },
      { from: null, to: "items/r0002" },
      { from: "items/r0002", to: "items/r0002a" },
    ];
    const parts = ranges(await server.verify({ subscription: { scope: "*" }, ranges: asked }));
    expect(parts.map(({ from, to, count }) => [from, to, count])).toEqual([
      ["items/r0005", null, 5],
      [null, "items/r0002", 2],
      ["items/r0002", "items/r0002a", 1],
    ]);
  });

  it.each([
    [
      "ranges that overlap",
      {
        ranges: [
          { from: null, to: "b" },
          { from: "a", to: null },
        ],
      },
      "invalid",
    ],
    ["a range that ends before it begins", { ranges: [{ from: "b", to: "a" }] }, "invalid"],
    ["a fanout above the limit", { ranges: [], fanout: 65 }, "invalid"],
    ["a leaf above the limit", { ranges: [], leaf: 1_001 }, "invalid"],
    ["more ranges than the limit", { ranges: Array(1_001).fill({ from: null, to: null }) }, "too-large"],
    ["more records at once than the limit", { ranges: disjoint(101), leaf: 1_000 }, "too-large"],
  ])("[A8] refuses %s", async (_, body, code) => {
    await using server = await filled(1);
    expect(await problemIn(server.post(`${SPACE}/verify`, { subscription: { scope: "*" }, ...body }))).toMatchObject({
      code,
    });
  });
});

function disjoint(count: number) {
  return Array.from({ length: count }, (_, i) => ({ from: named(i), to: named(i + 1) }));
}
