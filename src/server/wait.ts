import type { Core } from "./core.ts";

/** A wake-up from the store may be missed (Store.watch), so that a waiting pull looks by itself this often. */
const LOOK = 5_000;

interface Waiting {
  readonly space: string;
  readonly seconds: number;
  /** Of the request: aborted when the caller has left. */
  readonly signal: AbortSignal;
}

/** Returns when there is news, when the time is over, when the caller left, or when the server ends. */
export async function waitForNews(core: Core, waiting: Waiting, news: () => Promise<boolean>): Promise<void> {
  const { store, clock, stopping, metrics } = core;
  const end = clock.now() + waiting.seconds * 1_000;
  const over = AbortSignal.any([stopping, waiting.signal]);
  let wake = new AbortController();
  const unwatch = store.watch((space) => {
    if (space === waiting.space) wake.abort();
  });
  metrics.waiting(1);
  try {
    while (!(await news())) {
      const rest = end - clock.now();
      if (rest <= 0 || over.aborted) return;
      await clock.sleep(Math.min(rest, LOOK), AbortSignal.any([over, wake.signal]));
      if (over.aborted) return;
      wake = new AbortController();
    }
  } finally {
    unwatch();
    metrics.waiting(-1);
  }
}
