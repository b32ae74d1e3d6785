import { readFileSync } from "node:fs";

export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    median: sorted[Math.floor(sorted.length / 2)] as number,
    least: sorted[0] as number,
    most: sorted.at(-1) as number,
  };
}

/** Milliseconds that the work takes. */
export async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Highest resident memory of a process so far, in MiB; null where the system does not tell. */
export function peakMemory(pid: number | "self" = "self"): number | null {
  try {
    const found = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return found ? Math.round(Number(found[1]) / 1024) : null;
  } catch {
    return null;
  }
}
