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

/** Milliseconds in which what has happened meanwhile is handled: a connection that the other side closed, for one. */
const REST = 20;

/** Collects garbage, where the process was started with --expose-gc: no measurement pays for the one before. */
export async function rested(): Promise<void> {
  globalThis.gc?.();
  await new Promise((resolve) => setTimeout(resolve, REST));
}

export interface Trial<Result> {
  /** Runs that are counted. */
  readonly runs: number;
  /** Runs of both before that, which are not. */
  readonly warm: number;
  work(run: number): Promise<Result>;
  /** Null: no floor is taken. */
  readonly floor: (() => Promise<number>) | null;
}

/** The work and its floor in turn, so that both are equally warm and meet the same machine. */
export async function alternated<Result>(
  trial: Trial<Result>,
): Promise<{ readonly results: readonly Result[]; readonly floors: readonly number[]; readonly first: Result }> {
  const results: Result[] = [];
  const floors: number[] = [];
  for (let run = 0; run < trial.warm + trial.runs; run++) {
    await rested();
    results.push(await trial.work(run));
    await rested();
    if (trial.floor !== null) floors.push(await trial.floor());
  }
  return { results: results.slice(trial.warm), floors: floors.slice(trial.warm), first: results[0] as Result };
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
