import type { Mutation, Outcome } from "./mutation.ts";
import type { Revision } from "./record.ts";

export interface PushRequest {
  readonly client: string;
  /** Outcomes up to this number have arrived. */
  readonly acked?: number | undefined;
  readonly mutations: readonly Mutation[];
  /** A client id that this replica had before, and the last mutation that it issued under it (W2, R3). */
  readonly was?: { readonly client: string; readonly through: number } | undefined;
  /** No older than any base in the push (W12). */
  readonly cursor?: string | undefined;
  readonly schema?: number | undefined;
}

export interface PushResponse {
  /** The head after the push. */
  readonly revision: Revision;
  readonly lastMutation: number;
  readonly outcomes: readonly Outcome[];
}
