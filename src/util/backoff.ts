import type { Random } from "./random.ts";

export interface BackoffLimits {
  /** Upper bound of the first wait, in milliseconds. */
  first: number;
  /** Upper bound of any wait, in milliseconds. */
  most: number;
}

/**
 * Exponential backoff with full jitter: a wait drawn evenly from [0, min(most, first × 2^attempt)). Source: M. Brooker,
 * "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function backoff(attempt: number, limits: BackoffLimits, random: Random): number {
  return random.fraction() * Math.min(limits.most, limits.first * 2 ** Math.min(attempt, 30));
}
