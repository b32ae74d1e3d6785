import type { Revision } from "../model/record.ts";
import type { Column, Pause } from "./columns.ts";

/** `current`: one row a record; `history`: one row a version; `append`: one row for each line of each delta. */
export type Mode = "current" | "history" | "append";

/** A table of a warehouse, and what it holds of its collection. */
export interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly paused: Pause | null;
}

export type Tables = { readonly [collection: string]: Table };

/** Where a warehouse stands: what to ask with next. */
export interface Place {
  /** Of a pull; null: none. */
  readonly cursor: string | null;
  readonly revision: Revision;
  /** The journal's hash at the revision, where the journal is followed. */
  readonly hash: string | null;
}

/** A new generation of tables that is not shown yet. */
export interface Build extends Place {
  /** Null: of all of them. */
  readonly collections: readonly string[] | null;
  /** From a copy, or from the journal's beginning. */
  readonly from: "copy" | "journal";
  /** Why, for people. */
  readonly reason: string;
  /** Whether rows of the generation before that are deleted by now are taken along, and it is kept until the next one. */
  readonly keep: boolean;
  /** All of it is there, as of its place: it only remains to be shown. */
  readonly ready?: boolean;
  readonly tables: Tables;
}

/** What a warehouse knows about itself. It is committed with the rows that it speaks of. */
export interface State extends Place {
  /** Counts commits: who would commit on an older one has been overtaken by somebody else. */
  readonly version: number;
  readonly space: string;
  readonly mode: Mode;
  /** Digest of what decides the content: scope, mode, collections, treatments. Another one means another content. */
  readonly rules: string;
  /** When it last was complete to the head. ISO 8601. */
  readonly syncedAt: string | null;
  readonly tables: Tables;
  readonly build: Build | null;
  readonly untagged: { readonly [collection: string]: readonly string[] };
  /** Values were erased of which the files may still hold something (K2). */
  readonly erasing?: true | undefined;
}

export const NOWHERE: Place = { cursor: null, revision: 0, hash: null };

/** What no collection is called: generations that are not shown, and the state's own table. */
export const NEXT = "$next";
export const OLD = "$old";
export const CHECK = "$check";
export const STATE = "tidemark$state";
