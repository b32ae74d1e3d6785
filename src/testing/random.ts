import type { Random } from "../util/random.ts";
import { sha256 } from "../util/sha256.ts";

/** Randomness from a seed, with the draws that tests need. The same seed and name draw the same numbers everywhere. */
export interface SeededRandom extends Random {
  /** A whole number in [0, below). */
  below(below: number): number;
  /** A whole number in [from, to], both inclusive. */
  between(from: number, to: number): number;
  /** True with this probability; 0 is never, 1 is always. */
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** The items in a random order; the argument stays as it is. */
  shuffled<T>(items: readonly T[]): T[];
  /** An independent stream for one concern: a new draw in one never shifts another. */
  fork(concern: string): SeededRandom;
}

/**
 * Seeded randomness. It is fit for tests only: whoever knows the seed knows every draw.
 *
 * @example
 * const random = seededRandom("17");
 * const network = random.fork("network");
 */
export function seededRandom(seed: string): SeededRandom {
  const next = xoshiro128(seed);
  const fraction = () => next() / 2 ** 32;
  const below = (limit: number) => Math.floor(fraction() * limit);
  const random: SeededRandom = {
    fraction,
    below,
    bytes: (length) => Uint8Array.from({ length }, () => next() & 255),
    between: (from, to) => from + below(to - from + 1),
    chance: (probability) => fraction() < probability,
    pick: (items) => {
      if (items.length === 0) throw new RangeError("nothing to pick from");
      return items[below(items.length)] as (typeof items)[number];
    },
    shuffled: (items) => {
      const order = [...items];
      for (let i = order.length - 1; i > 0; i--) {
        const other = below(i + 1);
        [order[i], order[other]] = [order[other] as (typeof order)[number], order[i] as (typeof order)[number]];
      }
      return order;
    },
    fork: (concern) => seededRandom(`${seed}/${concern}`),
  };
  return random;
}

/** xoshiro128** 1.1 (Blackman and Vigna, 2018): unsigned 32-bit numbers, its state drawn from the seed's SHA-256. */
function xoshiro128(seed: string): () => number {
  const state = new DataView(sha256(seed).slice().buffer);
  let [a, b, c, d] = [0, 4, 8, 12].map((at) => state.getUint32(at)) as [number, number, number, number];
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result;
  };
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
