import { describe, expect, it } from "vitest";
import { Gate } from "../../src/client/gate.ts";
import { learn } from "../../src/client/known.ts";
import { receivedLines } from "../../src/client/ndjson.ts";
import type { Past } from "../../src/client/state.ts";
import { Watch } from "../../src/client/watch.ts";
import { systemClock } from "../../src/util/clock.ts";

describe("past places", () => {
  it("[R2] thin out with distance, reach back to the beginning, and stay few", () => {
    let known: readonly Past[] = [];
    for (let revision = 1; revision <= 100_000; revision++) known = learn(known, { revision, cursor: `c${revision}` });
    const revisions = known.map(({ revision }) => revision);
    expect(known.length).toBeLessThan(40);
    expect(revisions.slice(0, 3)).toEqual([100_000, 99_999, 99_998]);
    expect(revisions).toEqual([...revisions].sort((a, b) => b - a));
    for (const distance of [100, 1_000, 10_000, 90_000]) {
      const nearest = Math.min(...revisions.map((each) => Math.abs(100_000 - distance - each)));
      expect(nearest).toBeLessThanOrEqual(distance);
    }
    expect(revisions.at(-1)).toBeLessThan(50_000);
  });

  it("[R2] a newer cursor of the same place replaces it, and a place that was left behind again is not kept", () => {
    const known = learn(learn([], { revision: 5, cursor: "a" }), { revision: 9, cursor: "b" });
    expect(learn(known, { revision: 9, cursor: "c" })).toEqual([
      { revision: 9, cursor: "c" },
      { revision: 5, cursor: "a" },
    ]);
    expect(learn(known, { revision: 5, cursor: "d" })).toEqual([{ revision: 5, cursor: "d" }]);
  });
});

describe("the gate", () => {
  it("[P4] lets many read at a time or one write, in the order in which they came", async () => {
    const gate = new Gate();
    const log: string[] = [];
    const task = (name: string) => async () => {
      log.push(`${name}+`);
      await Promise.resolve();
      log.push(`${name}-`);
    };
    await Promise.all([
      gate.shared(task("a")),
      gate.shared(task("b")),
      gate.exclusive(task("W")),
      gate.shared(task("c")),
    ]);
    expect(log).toEqual(["a+", "b+", "a-", "b-", "W+", "W-", "c+", "c-"]);
  });

  it("[R5] a task that fails holds up nobody", async () => {
    const gate = new Gate();
    await expect(gate.exclusive(() => Promise.reject(new Error("full")))).rejects.toThrow("full");
    expect(await gate.shared(async () => "read")).toBe("read");
  });
});

describe("lines", () => {
  const linesOf = async (bytes: Uint8Array, size: number) => {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.slice(at, at + size));
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        const chunk = chunks.shift();
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      },
    });
    const watch = new Watch(systemClock, 60_000, new AbortController().signal);
    const lines: unknown[] = [];
    for await (const { line } of receivedLines(body, watch)) lines.push(line);
    return lines;
  };

  it.each([1, 2, 3, 7, 1_000])(
    "[P5] are put together from chunks of %i bytes, wherever these are cut",
    async (size) => {
      const lines = [{ op: "a", text: "zwölf 😀 \u2028" }, { op: "b" }, { op: "c", list: [1, 2, { d: "\n" }] }];
      const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
      expect(await linesOf(new TextEncoder().encode(text), size)).toEqual(lines);
      expect(await linesOf(new TextEncoder().encode(text.trimEnd()), size)).toEqual(lines);
    },
  );
});
