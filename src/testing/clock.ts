import type { Clock } from "../util/clock.ts";
import { type SeededRandom, seededRandom } from "./random.ts";

/** Time in the hand of a test: it moves only when the test steps it, and never waits for the real one. */
export interface VirtualClock extends Clock {
  /** Virtual milliseconds since the clock was made; `jump` does not move it. */
  elapsed(): number;
  /** Moves what `now` says, forwards or backwards, without waking anybody: somebody set the clock. */
  jump(ms: number): void;
  /** A clock of the same time for one participant, whose `now` can jump by itself. */
  view(): VirtualClock;
  /** Lets everything that can run do so, then wakes the next sleeper. False where nobody sleeps. */
  step(): Promise<boolean>;
  /**
   * Steps until the condition holds or `limit` virtual milliseconds have passed; says whether it holds. Where nobody
   * sleeps any more and the condition does not hold, nothing ever will change: that is false, too.
   */
  until(condition: () => boolean, limit: number): Promise<boolean>;
  /** Steps until this many virtual milliseconds have passed. */
  run(ms: number): Promise<void>;
}

interface Sleeper {
  readonly due: number;
  /** Drawn from the seed: which of several that are due together wakes first. */
  readonly rank: number;
  wake: (() => void) | null;
}

/** 2026-01-01T00:00:00Z. */
const START = 1_767_225_600_000;

/**
 * A virtual clock. Sleepers wake one at a time, in the order of their times; the seed decides between equal ones, so
 * that a run can be repeated and another seed tries another order.
 *
 * @example
 * const clock = virtualClock("17");
 * const done = clock.sleep(60_000);
 * await clock.run(60_000); // done has resolved, no minute has passed
 */
export function virtualClock(seed: string | SeededRandom = "0"): VirtualClock {
  const random = typeof seed === "string" ? seededRandom(seed).fork("schedule") : seed;
  const sleepers = new Heap();
  let elapsed = 0;

  async function step(limit = Number.POSITIVE_INFINITY): Promise<boolean> {
    await settle();
    const next = sleepers.peek();
    if (next === undefined || next.due > limit) return false;
    sleepers.pop();
    elapsed = Math.max(elapsed, next.due);
    next.wake?.();
    return true;
  }

  async function until(condition: () => boolean, limit: number): Promise<boolean> {
    const end = elapsed + limit;
    while (!condition()) {
      if (await step(end)) continue;
      return condition();
    }
    return true;
  }

  async function run(ms: number): Promise<void> {
    const end = elapsed + ms;
    while (await step(end));
    elapsed = end;
  }

  function sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const sleeper: Sleeper = { due: elapsed + Math.max(0, ms), rank: random.fraction(), wake: null };
      const wake = () => {
        sleeper.wake = null;
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      sleeper.wake = wake;
      sleepers.push(sleeper);
      signal?.addEventListener("abort", wake);
    });
  }

  function view(): VirtualClock {
    let offset = 0;
    const jump = (ms: number) => {
      offset += ms;
    };
    return {
      now: () => START + Math.floor(elapsed + offset),
      sleep,
      elapsed: () => elapsed,
      jump,
      view,
      step: () => step(),
      until,
      run,
    };
  }
  return view();
}

/**
 * Lets all promises, and what Node itself still holds in its queues, run until they wait for a sleeper. Two turns,
 * since a stream of Node may hand over in the first what resolves a promise in the second.
 */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Sleepers by their time. */
class Heap {
  private readonly items: Sleeper[] = [];

  peek(): Sleeper | undefined {
    while (this.items.length > 0 && this.items[0]?.wake === null) this.pop();
    return this.items[0];
  }

  push(item: Sleeper): void {
    const items = this.items;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!earlier(item, items[parent] as Sleeper)) break;
      items[at] = items[parent] as Sleeper;
      at = parent;
    }
    items[at] = item;
  }

  pop(): void {
    const items = this.items;
    const last = items.pop();
    if (last === undefined || items.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && earlier(items[child + 1] as Sleeper, items[child] as Sleeper)) child++;
      if (!earlier(items[child] as Sleeper, last)) break;
      items[at] = items[child] as Sleeper;
      at = child;
    }
    items[at] = last;
  }
}

function earlier(a: Sleeper, b: Sleeper): boolean {
  return a.due < b.due || (a.due === b.due && a.rank < b.rank);
}
