// Revisions a second, out of revisions and the times at which they were seen.

/** Seconds of one step, and steps that are kept: ten minutes. */
export const STEP = 2;
export const STEPS = 300;

export interface Rate {
  /** The beginning of each step, in seconds since 1970, the oldest first, and its revisions a second; null: not known. */
  readonly times: readonly number[];
  readonly values: readonly (number | null)[];
}

/** How many revisions there were in each step. What lies before `knownFrom` (in ms) is not known. */
export function rateOf(revisions: ReadonlyMap<number, number>, knownFrom: number, now: number): Rate {
  const last = Math.floor(now / 1_000 / STEP);
  const steps = Array.from({ length: STEPS }, (_, i) => last - STEPS + i);
  return {
    times: steps.map((step) => step * STEP),
    values: steps.map((step) => {
      if (step * STEP * 1_000 < knownFrom - STEP * 1_000) return null;
      return (revisions.get(step) ?? 0) / STEP;
    }),
  };
}

export function stepOf(ms: number): number {
  return Math.floor(ms / 1_000 / STEP);
}

export function meanOf(values: readonly (number | null)[], steps: number): number | null {
  const some = values.slice(-steps).filter((value) => value !== null);
  return some.length === 0 ? null : some.reduce((sum, value) => sum + value, 0) / some.length;
}
