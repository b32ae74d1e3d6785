import { expect, test } from "vitest";
import { clean, dueAt, type Stream } from "../../src/ingest/index.ts";
import { Scheduler } from "../../src/ingest/schedule.ts";
import { noLog } from "../../src/server/log.ts";
import { Desk, ListSource, put, SPACE } from "./support.ts";

const time = (text: string) => Date.parse(text);

test("[I4] a schedule is due from its last start on, in its time zone; runs that were missed are one", () => {
  const now = time("2026-03-10T12:00:00Z");
  expect(dueAt("15m", null, now)).toBe(now);
  expect(dueAt("15m", now - 60_000, now)).toBe(now + 14 * 60_000);
  expect(dueAt("15m", now - 86_400_000, now)).toBeLessThanOrEqual(now);
  expect(dueAt("15m", now + 86_400_000, now)).toBe(now + 15 * 60_000);
  const daily = { cron: "0 3 * * *", timeZone: "Europe/Berlin" };
  expect(dueAt(daily, null, now)).toBe(time("2026-03-11T02:00:00Z"));
  expect(dueAt(daily, time("2026-03-28T02:00:00Z"), time("2026-03-28T12:00:00Z"))).toBe(time("2026-03-29T01:00:00Z"));
  expect(dueAt(daily, time("2026-03-01T02:00:00Z"), now)).toBeLessThan(now);
  expect(() => dueAt("now and then", null, now)).toThrow(/cannot be read/);
});

test("[I4] runs when it is due, and goes on after a run that failed", async () => {
  const source = new ListSource("list", "things", "reported");
  let runs = 0;
  source.pages = () => {
    if (++runs === 2) throw new Error("a bug in the source");
    return [{ changes: [put("a", { runs })], cursor: runs, last: "caught-up" }];
  };
  const desk = new Desk({
    [SPACE]: [{ source, every: "10m", streams: [clean(source.streams[0] as Stream, { collection: "things" })] }],
  });
  const scheduler = new Scheduler({ ingest: desk.ingest, clock: desk.clock, log: noLog });
  const began = desk.clock.elapsed();
  // The raw pages are written by the real disk, which the virtual clock does not wait for.
  while (runs < 4) {
    await desk.clock.step();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(desk.clock.elapsed() - began).toBeGreaterThanOrEqual(1_800_000);
  await scheduler.close();
  expect((await desk.ingest.runs(SPACE, "list.things")).map(({ status }) => status).slice(-3)).toEqual([
    "done",
    "failed",
    "done",
  ]);
});
