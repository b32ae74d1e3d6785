/** Time, passed in, so that a test can hold it in its hand. Times are milliseconds since 1970. */
export interface Clock {
  now(): number;
  /**
   * Resolves after `ms`, or at once when the signal is aborted; never rejects. With 0 it lets everything run first that
   * is ready now.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Node's own way to let waiting input and output run first; a timer takes a millisecond where there is none. */
const { setImmediate: afterOthers } = globalThis as { setImmediate?: (run: () => void) => void };

/** A timer that is to run longer than this, 24 days, runs at once instead. */
const LONGEST = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep(ms, signal) {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      if (ms <= 0 && afterOthers !== undefined) return afterOthers(resolve);
      let rest = ms;
      let timer: ReturnType<typeof setTimeout>;
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const wait = () => {
        const part = Math.min(rest, LONGEST);
        rest -= part;
        timer = setTimeout(rest > 0 ? wait : done, part);
      };
      wait();
      signal?.addEventListener("abort", done);
    });
  },
};
