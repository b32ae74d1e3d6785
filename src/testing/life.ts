import type { SocketConstructor } from "../client/channel.ts";
import type { Clock } from "../util/clock.ts";
import type { VirtualClock } from "./clock.ts";
import type { SeededRandom } from "./random.ts";

/** What a process that died waits for. */
const NEVER = new Promise<never>(() => {});

/**
 * The life of one process in a simulation. All that reaches out of the process, its store, its network and its clock,
 * goes through its life: each call takes a little virtual time, and once the life has ended no call does anything or
 * ever returns, just as after kill -9. What a call had done before stays done.
 */
export class Life {
  ended = false;
  private readonly clock: VirtualClock;
  private readonly random: SeededRandom;
  private readonly over = new AbortController();
  private crashIn = Number.POSITIVE_INFINITY;
  private onCrash: (() => void) | null = null;

  constructor(clock: VirtualClock, random: SeededRandom) {
    this.clock = clock;
    this.random = random;
  }

  end(): void {
    this.ended = true;
    this.over.abort();
  }

  /** Ends the life at the n-th await from now on, before or after whatever is done there. */
  crashAfter(awaits: number, onCrash: () => void): void {
    this.crashIn = awaits;
    this.onCrash = onCrash;
  }

  spare(): void {
    this.crashIn = Number.POSITIVE_INFINITY;
  }

  /**
   * The same object, whose asynchronous calls are made one after the other, each at some moment between call and
   * return. `direct` names members that return at once, `streams` those that give one thing after the other.
   */
  store<T extends object>(target: T, direct: readonly (keyof T)[], streams: readonly (keyof T)[] = []): T {
    let last: Promise<unknown> = Promise.resolve();
    const call = async (work: () => unknown): Promise<unknown> => {
      const done = last.then(() => this.breath()).then(work);
      last = done.catch(() => {});
      return this.then(done);
    };
    async function* stream(items: AsyncIterable<unknown>) {
      const iterator = items[Symbol.asyncIterator]();
      for (;;) {
        const { done, value } = (await call(() => iterator.next())) as IteratorResult<unknown>;
        if (done) return;
        yield value;
      }
    }
    return new Proxy(target, {
      get: (object, name) => {
        const member = Reflect.get(object, name) as unknown;
        if (typeof member !== "function") return member;
        const bound = member.bind(object) as (...args: unknown[]) => unknown;
        if (streams.includes(name as keyof T))
          return (...args: unknown[]) => stream(bound(...args) as AsyncIterable<unknown>);
        return direct.includes(name as keyof T) ? bound : (...args: unknown[]) => call(() => bound(...args));
      },
    });
  }

  fetch(fetch: typeof globalThis.fetch): typeof globalThis.fetch {
    return async (input, init) => {
      await this.breath();
      const signal = AbortSignal.any([this.over.signal, ...(init?.signal ? [init.signal] : [])]);
      return this.then(fetch(input, { ...init, signal }));
    };
  }

  /** Sockets that close, as a system closes those of a process that died, and are heard of no more. */
  socket(Socket: SocketConstructor): SocketConstructor {
    const life = this;
    return class extends Socket {
      constructor(url: string) {
        super(url);
        life.over.signal.addEventListener("abort", () => super.close());
      }

      override send(text: string): void {
        if (!life.ended) super.send(text);
      }

      override addEventListener(...[type, listener]: Parameters<InstanceType<SocketConstructor>["addEventListener"]>) {
        super.addEventListener(type, (event) => {
          if (!life.ended) listener(event);
        });
      }
    };
  }

  time(clock: Clock): Clock {
    return { now: () => clock.now(), sleep: (ms, signal) => this.then(clock.sleep(ms, signal)) };
  }

  /** What came of a call, a moment later, if there is somebody left to hear it. */
  private async then<T>(done: Promise<T>): Promise<T> {
    try {
      return await done;
    } finally {
      await this.breath();
    }
  }

  /** One await of the process: a moment passes, in which it may die. */
  private async breath(): Promise<void> {
    if (!this.ended && this.random.chance(0.4)) await this.clock.sleep(this.random.fraction() * 4);
    if (!this.ended && --this.crashIn <= 0) {
      this.end();
      this.onCrash?.();
    }
    if (this.ended) await NEVER;
  }
}
