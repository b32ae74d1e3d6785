import { describe, expect, it } from "vitest";
import { virtualClock } from "./clock.ts";
import { seededRandom } from "./random.ts";

describe("the virtual clock", () => {
  it("wakes sleepers in the order of their times, without waiting", async () => {
    const clock = virtualClock("1");
    const woken: number[] = [];
    for (const ms of [3000, 1000, 2000]) void clock.sleep(ms).then(() => woken.push(ms));
    await clock.run(2500);
    expect(woken).toEqual([1000, 2000]);
    expect(clock.elapsed()).toBe(2500);
    await clock.run(1000);
    expect(woken).toEqual([1000, 2000, 3000]);
  });

  it("lets the seed decide between sleepers of one time, the same way each time", async () => {
    const orders = new Set<string>();
    for (const seed of ["1", "2", "3", "4", "5", "6", "1"]) {
      const clock = virtualClock(seed);
      const woken: string[] = [];
      for (const name of ["a", "b", "c"]) void clock.sleep(10).then(() => woken.push(name));
      await clock.run(10);
      orders.add(`${seed}:${woken.join("")}`);
    }
    expect(orders.size).toBe(6);
    expect(new Set([...orders].map((order) => order.slice(2))).size).toBeGreaterThan(1);
  });

  it("ends a sleep at once where it is aborted", async () => {
    const clock = virtualClock("1");
    const aborted = new AbortController();
    let woken = false;
    void clock.sleep(1e9, aborted.signal).then(() => {
      woken = true;
    });
    aborted.abort();
    expect(await clock.until(() => woken, 0)).toBe(true);
    expect(await clock.step()).toBe(false);
  });

  it("lets one participant's time jump without touching another's", () => {
    const clock = virtualClock("1");
    const other = clock.view();
    other.jump(-86_400_000);
    expect(clock.now() - other.now()).toBe(86_400_000);
  });
});

describe("seeded randomness", () => {
  const draws = (seed: string) =>
    Array.from(
      { length: 8 },
      (
        (random) => () =>
          random.below(1000)
      )(seededRandom(seed)),
    );

  it("draws the same from the same seed, and other numbers from another", () => {
    expect(draws("a")).toEqual(draws("a"));
    expect(draws("a")).not.toEqual(draws("b"));
  });

  it("keeps the streams of concerns apart", () => {
    const one = seededRandom("a");
    const two = seededRandom("a");
    one.below(10);
    expect(one.fork("network").below(1e9)).toBe(two.fork("network").below(1e9));
  });
});
