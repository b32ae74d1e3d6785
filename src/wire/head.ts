import type { Revision } from "../model/record.ts";

/** The answer to "what revision should I have?" (H2). Times are ISO 8601 in UTC. */
export interface HeadResponse {
  readonly space: string;
  readonly revision: Revision;
  readonly cursor: string;
  readonly at: string | null;
  readonly horizon: { readonly journal: Revision; readonly tombstones: Revision };
  readonly scopes?: { readonly [scope: string]: { readonly count: number; readonly digest: string } };
  readonly lastMutation?: number;
  /** Where a server asks that would follow this one: the space, and those that it follows (S3). */
  readonly path?: readonly string[];
  /** The path once more, signed for the registered link that asks (S7). */
  readonly signature?: string;
  readonly behind?: { readonly records: number; readonly advice: "current" | "delta" | "copy" };
}
