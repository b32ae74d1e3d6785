import type { Clock } from "../../src/util/clock.ts";

/** Nothing waits for time: a sleep of none yields, any other one lasts until it is aborted. */
export const STILL: Clock = {
  now: () => 1_767_225_600_000,
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (ms === 0) setImmediate(resolve);
      else if (signal?.aborted) resolve();
      else signal?.addEventListener("abort", () => resolve());
    }),
};
