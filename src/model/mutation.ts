import { canonical, type Json, type JsonObject } from "../util/json.ts";
import { sha256Hex } from "../util/sha256.ts";
import type { Origins } from "./origin.ts";
import type { Origin, RecordData, Revision } from "./record.ts";

/** `{"$add": n}` on an atom whose policy is "sum". */
export interface Add {
  readonly $add: number;
}

/** `{"$insert": [...], "$remove": [...]}` on an atom whose policy is "set". */
export interface Amend {
  readonly $insert?: readonly Json[];
  readonly $remove?: readonly Json[];
}

interface Conditions {
  /** The revision that the writer knew; the mutation's where it is absent. */
  readonly base?: Revision | undefined;
  /** Atoms that must stand so on the server (W5). */
  readonly expect?: JsonObject | undefined;
  /** What the writer saw, for atoms whose policy is a function (W5). */
  readonly from?: JsonObject | undefined;
  /** Who wrote it on another server first: of what a link brings (S1). */
  readonly origins?: Origins | undefined;
}

export type Write =
  | (Conditions & { readonly op: "insert"; readonly collection: string; readonly record: RecordData })
  | (Conditions & { readonly op: "update"; readonly collection: string; readonly record: RecordData })
  | (Conditions & { readonly op: "delete"; readonly collection: string; readonly id: string });

/** What a client wants changed: its writes are applied as one transaction. */
export interface Mutation {
  /** 1, 2, 3 … of its client. */
  readonly id: number;
  readonly base: Revision;
  /** When the user did it, by the client's clock: part of the content, and neither trusted nor stored. */
  readonly at?: string | undefined;
  /** Nothing applies if any part is superseded (W4). */
  readonly whole?: boolean | undefined;
  /** The revision that this mutation had in a history that a restore has lost (R2). */
  readonly lost?: Revision | undefined;
  /** Who wrote it on another server first: what a link says that sends it on (S24). No part of the content. */
  readonly origin?: Origin | undefined;
  readonly writes: readonly Write[];
}

export type SupersededReason =
  /** Someone else wrote these atoms after the base. */
  | "newer"
  /** The record is not there. */
  | "missing"
  /** A record of this id is there already. */
  | "exists"
  /** The record is another one of the same id, created after the base. */
  | "created"
  /** Someone else changed the record that was to be deleted. */
  | "changed"
  /** An `expect` does not hold. */
  | "expect";

export interface Superseded {
  readonly collection: string;
  readonly id: string;
  /** Empty for a delete. */
  readonly atoms: readonly string[];
  readonly reason: SupersededReason;
}

export type RejectedCode =
  | "unknown-collection"
  | "invalid-record"
  | "forbidden"
  | "too-large"
  | "too-many-atoms"
  | "bad-scope"
  | "circular"
  | "too-many-descendants"
  | "not-finite"
  | "operator"
  | "rule"
  | "constraint"
  | "threw";

/** Why a mutation is rejected (W7). The message names cause and cure, and no content that its author may not see. */
export interface Rejection {
  readonly code: RejectedCode;
  readonly message: string;
  readonly path: string;
}

/** What became of a mutation. `revision` is the one that holds it, or the head at which it was found to change nothing. */
export type Outcome =
  | { readonly id: number; readonly status: "applied"; readonly revision: Revision }
  | {
      readonly id: number;
      readonly status: "superseded";
      readonly revision: Revision;
      readonly superseded: readonly Superseded[];
    }
  | {
      readonly id: number;
      readonly status: "rejected";
      readonly revision: Revision;
      readonly code: RejectedCode;
      readonly message: string;
      readonly path: string;
    }
  /** Settled once, but its content is no longer known (W6). */
  | { readonly id: number; readonly status: "unknown"; readonly revision: Revision };

/** The digest of a mutation's content: everything but the bases (W6), 32 hex digits. */
export function contentOf({ at, id, lost, whole, writes }: Mutation): string {
  const content = { at, id, lost, whole, writes: writes.map(contentOfWrite) };
  return sha256Hex(canonical(content as unknown as Json)).slice(0, 32);
}

/** With its members in the order of the canonical text, which is then quickly made. */
function contentOfWrite(write: Write): object {
  const { collection, expect, from, op } = write;
  if (op === "delete") return { collection, expect, from, id: write.id, op };
  return { collection, expect, from, op, record: write.record };
}

/** The record that a write is about. */
export function targetOf(write: Write): { collection: string; id: string } {
  return { collection: write.collection, id: write.op === "delete" ? write.id : write.record.id };
}
