import type { Trial } from "./trial.ts";

/** One behaviour that a rule of the specification asks of a server. */
export interface Check {
  /** Of the rule. */
  readonly id: string;
  readonly title: string;
  /** Passed over where the caller is not `admin`. */
  readonly admin?: true;
  /** Throws a Deviation where the server does otherwise. */
  run(trial: Trial): Promise<void>;
}
