import type { Row } from "./figures.ts";
import type { Addresses } from "./processes.ts";

/** What a workload is given. */
export interface Bench extends Addresses {
  readonly space: string;
  /** Address of the space. */
  readonly base: string;
  /** That the space is to hold. */
  readonly records: number;
  readonly runs: number;
  /** A profile is taken: floors are left out, so that it shows Tidemark alone. */
  readonly profile: boolean;
}

export interface Workload {
  /** As the targets name the work. */
  readonly id: string;
  readonly title: string;
  /** Records that the space holds before. */
  readonly records: number;
  /** Spaces with the same name are shared; by default one for each number of records. */
  readonly space?: string;
  /** Runs with --large alone. */
  readonly large?: boolean;
  measure(bench: Bench): Promise<readonly Row[]>;
}
