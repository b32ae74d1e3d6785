import type { Clock } from "../util/clock.ts";
import { Problem } from "../wire/problem.ts";

/** Failures in a row until one waits: of a name from one address, of a name from anywhere, and of an address. */
const PAIR = 10;
const NAME = 100;
const ADDRESS = 100;
/** Milliseconds of the first wait, which doubles with each further failure, and of the longest. */
const FIRST = 60_000;
const LONGEST = 3_600_000;
/** Milliseconds after which a failure is forgotten. */
const MEMORY = 24 * 3_600_000;
const REMEMBERED = 100_000;

interface Count {
  failures: number;
  last: number;
  /** Nothing is tried before this time. */
  until: number;
}

/**
 * Bounds how often passwords and codes are guessed (U3). Names that do not exist count like those that do. It is the memory of
 * one process: of several servers on one database each counts for itself.
 */
export class Guesses {
  readonly #clock: Clock;
  readonly #counts = new Map<string, Count>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws `rate-limited` where one has to wait. Begins a try, which counts as failed until `right` says otherwise. */
  begin(name: string, address: string | null): { right(): void } {
    const now = this.#clock.now();
    const keys = keysOf(name, address);
    const until = Math.max(...keys.map(([key]) => this.#counts.get(key)?.until ?? 0));
    if (until > now) {
      const retryAfter = Math.ceil((until - now) / 1_000);
      throw new Problem("rate-limited", "too many failed attempts: wait before the next one", { retryAfter });
    }
    for (const [key, most] of keys) this.#count(key, most, now);
    return {
      right: () => {
        // Somebody else's failures from elsewhere go on counting.
        const [pair] = keys[0] as [string, number];
        this.#counts.delete(pair);
        for (const [key] of keys.slice(1)) this.#takeBack(key);
      },
    };
  }

  #count(key: string, most: number, now: number): void {
    const known = this.#counts.get(key);
    const failures = known === undefined || now - known.last > MEMORY ? 1 : known.failures + 1;
    const over = failures - most;
    const until = over < 0 ? 0 : now + Math.min(LONGEST, FIRST * 2 ** Math.min(over, 10));
    this.#counts.delete(key);
    if (this.#counts.size >= REMEMBERED) this.#forget(now);
    this.#counts.set(key, { failures, last: now, until });
  }

  #takeBack(key: string): void {
    const known = this.#counts.get(key);
    if (known === undefined) return;
    known.failures--;
    known.until = 0;
    if (known.failures <= 0) this.#counts.delete(key);
  }

  /** What is old goes, then what failed longest ago. */
  #forget(now: number): void {
    for (const [key, { last, until }] of this.#counts)
      if (now - last > MEMORY && until <= now) this.#counts.delete(key);
    for (const key of this.#counts.keys()) {
      if (this.#counts.size < REMEMBERED) return;
      this.#counts.delete(key);
    }
  }
}

function keysOf(name: string, address: string | null): (readonly [string, number])[] {
  const keys: (readonly [string, number])[] = [
    [`pair ${address} ${name}`, PAIR],
    [`name ${name}`, NAME],
  ];
  if (address !== null) keys.push([`address ${address}`, ADDRESS]);
  return keys;
}
