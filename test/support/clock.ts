import { LOOK } from "../../src/server/wait.ts";
import { type Clock, systemClock } from "../../src/util/clock.ts";

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

/** As STILL, but that a server looks for news by itself, and does so often. */
export const LOOKING: Clock = {
  now: STILL.now,
  sleep: (ms, signal) => (ms === LOOK ? systemClock.sleep(10, signal) : STILL.sleep(ms, signal)),
};
