import type { Store } from "../store/store.ts";
import type { Clock } from "../util/clock.ts";
import type { Access } from "./access.ts";
import type { Metrics } from "./metrics.ts";

/** A wake-up from the store may be missed (Store.watch), so that each space is looked at by itself this often. */
export const LOOK = 5_000;
/** However quiet a space is, whoever waits is judged anew this often: what it may read can change without a commit. */
const JUDGED = 15_000;

interface Waiting {
  readonly space: string;
  readonly seconds: number;
  /** Of the request: aborted when the caller has left. */
  readonly signal: AbortSignal;
}

/** One who waits. It is told of commits, and now and then without one: it looks itself what there is. */
export interface Waiter {
  wake(): void;
}

/** Those who wait for news of one space. */
interface Room {
  readonly waiters: Set<Waiter>;
  /** Aborted when nobody waits in it any more. */
  readonly left: AbortController;
}

interface Parts {
  readonly store: Pick<Store, "watch" | "head">;
  readonly clock: Clock;
  readonly stopping: AbortSignal;
  readonly metrics: Pick<Metrics, "waiting">;
  readonly access: Pick<Access, "watch">;
}

/** Where pulls and live connections wait for news. However many wait for one space, one timer and one reading look after it. */
export class WaitingRooms {
  readonly #parts: Parts;
  readonly #rooms = new Map<string, Room>();

  constructor(parts: Parts) {
    this.#parts = parts;
    parts.store.watch((space) => this.#wake(space));
    parts.stopping.addEventListener("abort", () => this.#wakeAll());
    parts.access.watch(() => this.#wakeAll());
  }

  /** Returns when there is news, when the time is over, when the caller left, or when the server ends. */
  async waitForNews({ space, seconds, signal }: Waiting, news: () => Promise<boolean>): Promise<void> {
    const { clock, stopping, metrics } = this.#parts;
    const end = clock.now() + seconds * 1_000;
    let woken = new AbortController();
    const waiter = { wake: () => woken.abort() };
    const leave = this.enter(space, waiter);
    signal.addEventListener("abort", waiter.wake);
    metrics.waiting(1);
    try {
      while (!(await news())) {
        const rest = end - clock.now();
        if (rest <= 0 || signal.aborted || stopping.aborted) return;
        await clock.sleep(Math.min(rest, JUDGED), woken.signal);
        if (signal.aborted || stopping.aborted) return;
        // What wakes from here on is seen by the look at the news that follows.
        woken = new AbortController();
      }
    } finally {
      metrics.waiting(-1);
      signal.removeEventListener("abort", waiter.wake);
      leave();
    }
  }

  /** Wakes the waiter until what is returned is called. */
  enter(space: string, waiter: Waiter): () => void {
    const room = this.#rooms.get(space);
    if (room !== undefined) room.waiters.add(waiter);
    else {
      const left = new AbortController();
      this.#rooms.set(space, { waiters: new Set([waiter]), left });
      void this.#lookAfter(space, left.signal);
    }
    return () => this.#leave(space, waiter);
  }

  #leave(space: string, waiter: Waiter): void {
    const room = this.#rooms.get(space);
    room?.waiters.delete(waiter);
    if (room === undefined || room.waiters.size > 0) return;
    this.#rooms.delete(space);
    room.left.abort();
  }

  #wakeAll(): void {
    for (const space of this.#rooms.keys()) this.#wake(space);
  }

  #wake(space: string): void {
    for (const waiter of [...(this.#rooms.get(space)?.waiters ?? [])]) waiter.wake();
  }

  /** Until nobody waits in the room any more. The first look tells nothing of what came before it, and wakes all. */
  async #lookAfter(space: string, left: AbortSignal): Promise<void> {
    const { clock, store } = this.#parts;
    let seen: string | undefined;
    for (;;) {
      await clock.sleep(LOOK, left);
      if (left.aborted) return;
      // A store that fails now is asked again by those whom it wakes, who are told.
      const hash = await store.head(space).then(
        (head) => head?.hash,
        () => undefined,
      );
      // By the hash: a database that was put back may have come to the same revision again.
      if (hash === undefined || hash !== seen) this.#wake(space);
      seen = hash;
    }
  }
}
