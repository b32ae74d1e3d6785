import type { Authorize } from "./grant.ts";
import type { Mutation, Outcome, Rejection } from "./mutation.ts";
import type { Author, RecordData, Revision } from "./record.ts";
import type { Collections, User } from "./schema.ts";

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

/** A push as it reached the server: who sends it, and what. The request is well formed (M7). */
export interface Push {
  readonly user: User;
  readonly request: PushRequest;
}

/** A push of which nothing was applied. */
export interface Refusal {
  readonly refused: "rewound" | "gap" | "diverged" | "rate-limited";
  /** Cause and cure. */
  readonly detail: string;
  /** The number of the client's last settled mutation. */
  readonly lastMutation: number;
  /** The first mutation in question. */
  readonly id?: number;
}

export type PushResult = PushResponse | Refusal;

/** Bounds of what a push may do; the rest of the limits hold before it is parsed. */
export interface PushLimits {
  /** UTF-8 bytes of a record's canonical text. */
  readonly record: number;
  /** Atoms of a record, removed ones included. */
  readonly atoms: number;
  /** Scopes of a record, besides `*`. */
  readonly scopes: number;
  /** Descendants that move along with the records of one mutation (M8). */
  readonly descendants: number;
  /** Nesting of JSON, for what a policy's function returns. */
  readonly depth: number;
  /** Outcomes of one client that it has not acknowledged. */
  readonly unacked: number;
}

export const PUSH_LIMITS: PushLimits = {
  record: 1_048_576,
  atoms: 1_000,
  scopes: 32,
  descendants: 10_000,
  depth: 32,
  unacked: 10_000,
};

/** What a space decides by, with time and randomness passed in. */
export interface Rules {
  readonly space: string;
  readonly collections: Collections;
  readonly authorize: Authorize;
  readonly limits: PushLimits;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** 32 random hex digits, new at each call. */
  salt(): string;
  /** Why an adopted table did not take a mutation, when it was offered (T6). */
  refusal?(author: Author, mutation: number): Rejection | undefined;
  readonly review?: SpaceReview;
}

/** What a mutation would make of a record; null: it is not there. */
export interface Proposal {
  readonly collection: string;
  readonly id: string;
  readonly before: RecordData | null;
  readonly after: RecordData | null;
}

/**
 * A rule over a space as a whole. It is asked for each mutation that has passed everything else, in their order, and counts
 * what it has allowed as done: true, or a sentence that says why not.
 */
export type SpaceReview = (proposals: readonly Proposal[], user: User) => true | string;
