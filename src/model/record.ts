import type { Json } from "../util/json.ts";
import { compareUtf8 } from "../util/utf8.ts";
import type { Lanes } from "./fingerprint.ts";

/** The number of a transaction in its space; 0 is the empty space. */
export type Revision = number;

/** A record as an application sees it: its id and its atoms. An atom that is not there is null. */
export type RecordData = { readonly id: string; readonly [atom: string]: Json };

/** The value of an atom, null where it is absent: also for an atom of a name that every object inherits, as `toString`. */
export function atomOf(record: RecordData, atom: string): Json {
  return Object.hasOwn(record, atom) ? (record[atom] as Json) : null;
}

/**
 * Who wrote: the principal and its client, in one text, since a client id belongs to the principal that first used
 * it (A4): the same id of another principal is another author.
 */
export type Author = string;

export function authorOf(user: string, client: string): Author {
  return `${user}\n${client}`;
}

/** The server itself: no principal and no client has an empty name. */
export const SERVER: Author = "\n";

export function authorParts(author: Author): { user: string; client: string } {
  const cut = author.indexOf("\n");
  return { user: author.slice(0, cut), client: author.slice(cut + 1) };
}

/** `collection/id`: sorts by UTF-8 bytes as the pair does, since no collection name holds a byte below "/". */
export type Key = string;

export function keyOf(collection: string, id: string): Key {
  return `${collection}/${id}`;
}

export function keyParts(key: Key): { collection: string; id: string } {
  const cut = key.indexOf("/");
  return { collection: key.slice(0, cut), id: key.slice(cut + 1) };
}

export const compareKeys = compareUtf8;

export interface KeyRange {
  /** Inclusive; null: open. */
  readonly from: Key | null;
  /** Exclusive; null: open. */
  readonly to: Key | null;
}

/** Who wrote something on the server where it was written first, and in which revision of it (S1). */
export interface Origin {
  /** The identity of that server's space; absent: of the server that tells it, or not known. */
  readonly server?: string | undefined;
  readonly revision: Revision;
  readonly user: string;
  readonly client: string;
  /** The client's number of it, where it is known: it stands in the journal of that server. */
  readonly mutation?: number | undefined;
}

/** What last wrote an atom (M3). Kept for an atom that was removed, too. */
export interface Stamp {
  readonly revision: Revision;
  readonly author: Author;
  /** The revision that this write had in a history that a restore has lost (R2). */
  readonly lost?: Revision;
  /** Where it was written first, where that is another server (S1). */
  readonly origin?: Origin;
}

/** A record in a scope that holds it, or once did. */
export interface Membership {
  /** Last change as this scope sees it: of the record, or that it left. */
  readonly revision: Revision;
  /** When it came in this time. */
  readonly entered: Revision;
  /** When it first ever did. */
  readonly first: Revision;
  readonly present: boolean;
}

/** A record as the server keeps it, tombstones included. */
export interface Row {
  readonly collection: string;
  readonly id: string;
  /** The largest of its atoms' revisions, or the deletion's. */
  readonly revision: Revision;
  readonly created: Revision;
  readonly creator: Author;
  /** Canonical JSON with the id; null: deleted. */
  readonly text: string | null;
  /** The text parsed, where whoever made the row had it. */
  readonly data?: RecordData | null;
  /** By atom, removed ones included; empty for a tombstone. */
  readonly stamps: ReadonlyMap<string, Stamp>;
  /** The record whose scopes this one inherits (M8), whether it is there or not; null: none, as for a tombstone. */
  readonly parent: Key | null;
  /** Of collection and record; NO_LANES for a tombstone. */
  readonly digest: Lanes;
  /** By scope, `*` included, scopes that it left included. */
  readonly scopes: ReadonlyMap<string, Membership>;
  /** When it, or a record of its id before it, was last erased (K2). The store keeps it: it is written by `Batch.erased`. */
  readonly erased?: Revision | undefined;
}
