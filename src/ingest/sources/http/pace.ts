import type { Clock } from "../../../util/clock.ts";
import type { RateLimit } from "../../source.ts";

/** When the next request of one budget may go. Windows slide: never more than the limit in any span of its length. */
export class Pace {
  readonly #clock: Clock;
  readonly #limits: readonly RateLimit[];
  /** When the last requests went, oldest first. */
  #went: number[] = [];
  #notBefore = 0;

  constructor(clock: Clock, limits: readonly RateLimit[]) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Nobody asks before that time. */
  pause(until: number): void {
    this.#notBefore = Math.max(this.#notBefore, until);
  }

  /** When a request may go; not later than now where it may go at once. */
  next(): number {
    const now = this.#clock.now();
    // A clock that was set back must not make yesterday's requests count as those of the future.
    this.#went = this.#went.filter((time) => time <= now);
    return Math.max(this.#notBefore, ...this.#limits.map((limit) => this.#free(limit)));
  }

  take(): void {
    this.#went.push(this.#clock.now());
    const most = Math.max(0, ...this.#limits.map(({ requests }) => requests));
    this.#went = most === 0 ? [] : this.#went.slice(-most);
  }

  #free({ requests, per }: RateLimit): number {
    const oldest = this.#went[this.#went.length - requests];
    return oldest === undefined ? 0 : oldest + per;
  }
}
