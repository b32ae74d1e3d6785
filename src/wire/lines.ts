import type { RecordData, Revision } from "../model/record.ts";
import type { JsonObject } from "../util/json.ts";
import type { Authored } from "./authors.ts";

/** Why a subscription is copied although it had a cursor, or none (P6). */
export type CopyReason = "new" | "expired" | "diverged" | "changed";

export interface BeginLine {
  readonly op: "begin";
  readonly space: string;
  readonly revision: Revision;
  /** The principal, opaquely: the same for the same principal of this server (C9). */
  readonly principal: string;
  /** The lines of this answer say who wrote what they tell, as was asked for (S24). */
  readonly authors?: true;
}

/**
 * Opens the records of one subscription. It may come more than once in an answer, where subscriptions take turns:
 * the second time with `reached` (a delta) or `from` (a copy) as the mark before it left them.
 */
export type SubscriptionLine =
  | {
      readonly op: "subscription";
      readonly key: string;
      readonly mode: "delta";
      readonly since: Revision;
      /** In a delta that goes on after a mark: the scope revision that the mark reached (P15). */
      readonly reached?: Revision;
    }
  | {
      readonly op: "subscription";
      readonly key: string;
      readonly mode: "copy";
      /** The key that it goes on after; null empties what counts as received (P5). */
      readonly from: string | null;
      readonly reason: CopyReason;
      /** How many records the whole copy has, about; absent where that would have to be counted (C15). */
      readonly total?: number;
      /** For `diverged`, where the request had `known`: what both histories share, and the server's policy (R2). */
      readonly common?: Revision;
      readonly restore?: "heal" | "discard";
    };

export interface PutLine extends Authored {
  readonly op: "put";
  readonly collection: string;
  readonly at: Revision;
  readonly records: readonly RecordData[];
}

export interface PatchLine extends Authored {
  readonly op: "patch";
  readonly collection: string;
  readonly at: Revision;
  /** Each with its id and the changed atoms; null: removed. */
  readonly records: readonly RecordData[];
}

export interface RemoveLine extends Authored {
  readonly op: "remove";
  readonly collection: string;
  readonly at: Revision;
  /** They were erased (K2): no value of theirs stays, of earlier versions either. What follows of such an id is a new record. */
  readonly erased?: true;
  readonly ids: readonly string[];
}

/**
 * Stands for put lines of a copy that are fetched from an address (P17), a cache's perhaps. There they are without their
 * `at`, which is this line's.
 */
export interface PageLine {
  readonly op: "page";
  /** SHA-256 of what is fetched, as 64 hex digits. */
  readonly digest: string;
  readonly at: Revision;
  /** Relative to the address of the space and a slash. */
  readonly href: string;
}

/** From here a broken answer goes on, by this cursor. */
export interface MarkLine {
  readonly op: "mark";
  readonly key: string;
  readonly cursor: string;
}

export interface RevokedLine {
  readonly op: "revoked";
  readonly key: string;
}

export interface RangeLine extends Authored {
  readonly op: "range";
  readonly from: string | null;
  readonly to: string | null;
  readonly count: number;
  readonly digest: string;
  /** `[collection, record]` in key order. */
  readonly records?: readonly (readonly [string, RecordData])[];
}

export interface SubscriptionEnd {
  /** Absent where the request's own cursor stays good: nothing new at its revision. */
  readonly cursor?: string;
  readonly count?: number;
  readonly digest?: string;
}

/** What a replica may show now: every subscription is complete to `revision`. */
export interface EndLine {
  readonly op: "end";
  readonly revision: Revision;
  readonly subscriptions: { readonly [key: string]: SubscriptionEnd };
  /** Of the client that the request named. */
  readonly lastMutation?: number;
  /** On a live connection: the last `pull` message that had been read before the revision was. */
  readonly pull?: number;
}

/** In an answer that cannot be finished: what a status would have said, had it not been sent already. */
export interface ErrorLine {
  readonly op: "error";
  readonly problem: JsonObject;
}

export type Line =
  | BeginLine
  | SubscriptionLine
  | PutLine
  | PatchLine
  | RemoveLine
  | PageLine
  | MarkLine
  | RevokedLine
  | RangeLine
  | EndLine
  | ErrorLine;
