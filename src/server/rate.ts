import type { Clock } from "../util/clock.ts";
import type { RateLimits } from "../wire/limits.ts";
import { Problem } from "../wire/problem.ts";

type Kind = keyof RateLimits;

/** Bounds how much each principal asks for (A5). */
export interface Rate {
  /** Takes one request; throws `rate-limited` where the principal has used up any of its rates. */
  admit(principal: string): void;
  /** Takes what was used. It may go below zero: then the next request waits until that is made good. */
  charge(principal: string, kind: Kind, amount: number): void;
}

export const NO_RATE: Rate = { admit: () => undefined, charge: () => undefined };

interface Bucket {
  time: number;
  requests: number;
  writes: number;
  rows: number;
}

const KINDS: readonly Kind[] = ["requests", "writes", "rows"];
/** Principals that are remembered; those who owe nothing are forgotten beyond it. */
const REMEMBERED = 10_000;

/** Token buckets that hold one second's worth each. */
export function rateOf(limits: RateLimits, clock: Clock): Rate {
  const buckets = new Map<string, Bucket>();

  function bucketOf(principal: string): Bucket {
    const now = clock.now();
    let bucket = buckets.get(principal);
    if (bucket === undefined) {
      if (buckets.size >= REMEMBERED) forget(now);
      bucket = { time: now, ...limits };
      buckets.set(principal, bucket);
    }
    refill(bucket, now);
    return bucket;
  }

  function refill(bucket: Bucket, now: number): void {
    const seconds = Math.max(0, now - bucket.time) / 1_000;
    for (const kind of KINDS) bucket[kind] = Math.min(limits[kind], bucket[kind] + seconds * limits[kind]);
    bucket.time = now;
  }

  function forget(now: number): void {
    for (const [principal, bucket] of buckets) {
      refill(bucket, now);
      if (KINDS.every((kind) => bucket[kind] >= limits[kind])) buckets.delete(principal);
    }
  }

  return {
    admit(principal) {
      const bucket = bucketOf(principal);
      const short = KINDS.find((kind) => bucket[kind] < (kind === "requests" ? 1 : 0));
      if (short !== undefined) {
        const missing = (short === "requests" ? 1 : 0) - bucket[short];
        const retryAfter = Math.max(1, Math.ceil(missing / limits[short]));
        throw new Problem("rate-limited", `this principal is above ${limits[short]} ${short} a second: wait`, {
          retryAfter,
        });
      }
      bucket.requests -= 1;
    },
    charge(principal, kind, amount) {
      bucketOf(principal)[kind] -= amount;
    },
  };
}
