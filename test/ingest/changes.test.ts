import { describe, expect, test } from "vitest";
import { anchored } from "../../src/ingest/sources/http/anchored.ts";
import type { Reader } from "../../src/ingest/sources/http/source.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { failing, json, Stub } from "../../src/testing/stubs/index.ts";
import { Held, shape, streamOf, things, World } from "./http-support.ts";

/** Things that change: what a source shows to who asks for changes since a time. */
class Changing {
  readonly rows = new Map<string, { readonly id: string; readonly at: number | null; readonly n: number }>();
  readonly stub = new Stub(({ query }) => {
    const since = Number(query.get("since") ?? Number.NEGATIVE_INFINITY);
    const exactly = query.get("exactly");
    let found = [...this.rows.values()].filter(({ at }) => at === null || at >= since);
    if (exactly !== null)
      found = found.filter(({ at, id }) => at === Number(exactly) && id > (query.get("after") ?? ""));
    found.sort((a, b) => (exactly === null ? (a.at ?? 0) - (b.at ?? 0) : 0) || (a.id < b.id ? -1 : 1));
    const from = Number(query.get("page") ?? 0) * this.size;
    const items = found.slice(from, from + this.size);
    this.afterPage?.();
    return json({ items });
  });
  afterPage: (() => void) | null = null;
  readonly size: number;

  constructor(size: number) {
    this.size = size;
  }

  put(id: string | number, at: number | null): void {
    const name = String(id).padStart(6, "0");
    this.rows.set(name, { id: name, at, n: (this.rows.get(name)?.n ?? 0) + 1 });
  }

  reader(lag: number, tied = true): Reader {
    return anchored({
      shape: { ...shape, at: (item) => item["at"] },
      more: this.size,
      lag,
      question: ({ from, page }) => ({ path: "things", query: { page, ...(from !== null && { since: from }) } }),
      ...(tied && {
        tied: (at, after) => ({
          path: "things",
          query: { exactly: at, ...(after !== null && { after: String(after[0]) }) },
        }),
      }),
    });
  }

  missing(held: Held): string[] {
    return [...this.rows.values()].filter(({ id, n }) => held.records.get(id)?.["n"] !== n).map(({ id }) => id);
  }
}

const MINUTE = 60_000;

describe("what has changed since", () => {
  test("[I2 I32] a first run is a complete pass; the next shows only what is new", async () => {
    const source = new Changing(10);
    const world = new World(source.stub.handler);
    const start = world.clock.now() - 100 * MINUTE;
    for (let i = 0; i < 35; i++) source.put(i, start + i * 1000);
    const stream = streamOf(things(source.reader(MINUTE)));
    const first = await world.read(stream, null);
    expect(first.last).toBe("complete");
    expect(source.missing(new Held().take(first))).toEqual([]);
    expect(await world.read(stream, first.cursor)).toMatchObject({ changes: [], last: "caught-up" });
    source.put(3, start + 50_000);
    const third = await world.read(stream, first.cursor);
    expect(third.changes.map((change) => change.op === "put" && change.value["n"])).toEqual([2]);
  });

  test("[I2 I32] another record with the last instant that was read is not lost, and none comes twice", async () => {
    const source = new Changing(10);
    const world = new World(source.stub.handler);
    const stream = streamOf(things(source.reader(0)));
    const at = world.clock.now() - MINUTE;
    for (let i = 0; i < 5; i++) source.put(i, at);
    const first = await world.read(stream, null);
    source.put(5, at);
    const second = await world.read(stream, first.cursor);
    expect(second.changes.map((change) => change.op === "put" && change.key[0])).toEqual(["000005"]);
  });

  test("[I2 I32] a record that shows late, within the lag, is not lost", async () => {
    const source = new Changing(10);
    const world = new World(source.stub.handler);
    const stream = streamOf(things(source.reader(5 * MINUTE)));
    const now = world.clock.now();
    source.put(1, now - 10 * MINUTE);
    source.put(2, now);
    const first = await world.read(stream, null);
    expect(first.cursor).toMatchObject({ mark: { v: now - 5 * MINUTE } });
    source.put(3, now - 4 * MINUTE);
    const second = await world.read(stream, first.cursor);
    expect(second.changes.map((change) => change.op === "put" && change.key[0])).toEqual(["000003"]);
  });

  test("[I2 I32] a clock of ours that is an hour fast, and a date in the future, move the mark past nothing", async () => {
    const source = new Changing(10);
    const world = new World(async (request) => {
      const answer = await source.stub.handler(request);
      answer.headers.set("date", new Date(world.clock.now() - 60 * MINUTE).toUTCString());
      return answer;
    });
    const theirs = world.clock.now() - 60 * MINUTE;
    const stream = streamOf(things(source.reader(MINUTE)));
    source.put(1, theirs - 2 * MINUTE);
    source.put(2, theirs + 365 * 24 * 60 * MINUTE);
    const first = await world.read(stream, null);
    source.put(3, theirs + 1000);
    const second = await world.read(stream, first.cursor);
    expect(source.missing(new Held().take(first).take(second))).toEqual([]);
  });

  test.each([true, false])(
    "[I2 I32] thousands with one instant (by key: %s), and records without a time, come whole, also after a break",
    async (tied) => {
      const source = new Changing(100);
      const world = new World(source.stub.handler);
      const at = world.clock.now() - 60 * MINUTE;
      for (let i = 0; i < 2500; i++) source.put(i, at);
      for (let i = 2500; i < 2600; i++) source.put(i, at + i);
      for (let i = 2600; i < 2610; i++) source.put(i, null);
      const stream = streamOf(things(source.reader(MINUTE, tied)));
      source.stub.trouble = (n) => (n >= 12 ? failing() : undefined);
      const first = await world.read(stream, null);
      expect(first.error).toMatchObject({ code: "unreachable" });
      source.stub.trouble = null;
      const before = source.stub.asked.length;
      const second = await world.read(stream, first.cursor);
      expect(second.error).toBeUndefined();
      expect(source.missing(new Held().take(first).take(second))).toEqual([]);
      // By key it goes on inside the instant, and does not begin it again.
      if (tied) expect(source.stub.asked.length - before).toBeLessThan(22);
      expect(second.last).toBe("complete");
    },
  );

  test("[I2 I32] 100,000 records with one instant are read once, and not again by the next run", async () => {
    const source = new Changing(10_000);
    const world = new World(source.stub.handler);
    const at = world.clock.now() - 60 * MINUTE;
    for (let i = 0; i < 100_000; i++) source.put(i, at);
    const stream = streamOf(things(source.reader(MINUTE)));
    const first = await world.read(stream, null);
    expect(new Held().take(first).records.size).toBe(100_000);
    expect(await world.read(stream, first.cursor)).toMatchObject({ changes: [], last: "caught-up" });
  });

  test("[I2 I32] at random: ties, rows that move while a run reads, breaks, late rows: nothing is lost", async () => {
    for (let run = 0; run < 150; run++) {
      const seed = `anchored-${run}`;
      const random = seededRandom(seed);
      const source = new Changing(random.between(2, 12));
      const world = new World(source.stub.handler);
      const lag = 5 * MINUTE;
      const stream = streamOf(things(source.reader(lag, random.chance(0.5))));
      const change = () => {
        // Seconds, so that many share one; and up to the lag late.
        const late = random.chance(0.5) ? 0 : random.below(lag - 2000);
        source.put(random.below(60), Math.floor((world.clock.now() - late) / 1000) * 1000);
      };
      for (let i = 0; i < 40; i++) change();
      source.afterPage = () => {
        if (random.chance(0.4)) change();
      };
      const held = new Held();
      let cursor = null as Awaited<ReturnType<World["read"]>>["cursor"];
      for (let round = 0; round < 6; round++) {
        source.stub.trouble = random.chance(0.3) ? (n) => (n > 3 ? failing() : undefined) : null;
        const read = await world.read(stream, cursor);
        held.take(read);
        cursor = read.cursor;
        await world.clock.run(random.below(3 * MINUTE));
      }
      source.afterPage = null;
      source.stub.trouble = null;
      held.take(await world.read(stream, cursor));
      expect(source.missing(held), seed).toEqual([]);
    }
  });

  test("[I32] records that do not come in the order of their changes are told, for some would be left out", async () => {
    const items = [
      { id: 1, at: 5 },
      { id: 2, at: 3 },
    ];
    const reader = anchored({
      shape: { ...shape, at: (item) => item["at"] },
      more: 2,
      lag: 0,
      question: () => ({ path: "things" }),
    });
    const { error } = await new World(async () => json({ items })).read(streamOf(things(reader)), null);
    expect(error).toMatchObject({ code: "protocol", message: expect.stringContaining("order of their changes") });
  });

  test("[I32] a window reads its part, its end excluded, and leaves the cursor alone", async () => {
    const source = new Changing(4);
    const world = new World(source.stub.handler);
    const start = Date.parse("2025-06-01T00:00:00Z");
    for (let i = 0; i < 30; i++) source.put(i, start + i * MINUTE);
    const cursor = { mark: { v: 1, seen: {} } };
    const window = { from: "2025-06-01T00:10:00Z", to: "2025-06-01T00:20:00Z" };
    const read = await world.read(streamOf(things(source.reader(MINUTE))), cursor, window);
    expect(new Held().take(read).keys()).toEqual(Array.from({ length: 10 }, (_, i) => String(i + 10).padStart(6, "0")));
    expect(read).toMatchObject({ cursor, last: "caught-up" });
  });
});
