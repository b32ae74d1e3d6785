import type { Origins } from "../../model/origin.ts";
import type { Key, RecordData, Revision } from "../../model/record.ts";
import type { Json } from "../../util/json.ts";
import type { PatchLine, PutLine, RemoveLine } from "../../wire/lines.ts";

/**
 * Where a client keeps its replica and its queue. A store knows no rule of the protocol: it keeps records in key order,
 * small named notes, and lines that have arrived but are not shown yet. Every implementation passes
 * `clientStoreContract` of `tidemark/testing`. All of it is asynchronous, so that IndexedDB can stand behind it.
 */
export interface ClientStore {
  /** The name under which the tabs of one origin find each other that have this store in common (C4); absent where none do. */
  readonly shared?: string;
  /** Makes the store ready, once, before anything else. A store that cannot be read is made anew (R1). */
  open(): Promise<Opened>;
  /** The notes whose names begin so, in order of their names by UTF-8 bytes. */
  notes(prefix: string, limit?: number): Promise<readonly (readonly [name: string, value: Json])[]>;
  /** The row of each key, in the order of the keys; undefined where there is none. */
  get(keys: readonly Key[]): Promise<readonly (Row | undefined)[]>;
  /** At most `limit` rows in key order (UTF-8 bytes), from a key, inclusive, to a key, exclusive; null: open. */
  scan(from: Key | null, to: Key | null, limit: number): Promise<readonly Row[]>;
  /** The lines staged for a subscription, in the order in which they were staged, after the first `skip`. */
  staged(subscription: number, skip: number, limit: number): Promise<readonly RecordLine[]>;
  /** The spans of the first lines staged for a subscription, as far as each is a put in key order: `adopt` can take them. */
  spans(subscription: number): Promise<readonly Span[]>;
  /** Whether lines of this span could be adopted: no row stands in it, and no line that was adopted spans any of it. */
  isFree(span: Span): Promise<boolean>;
  /** The rows of these keys as `adopt` would make them, in the order of the keys; undefined where it would make none. */
  stagedRows(adopt: readonly Adopted[], keys: readonly Key[]): Promise<readonly (Row | undefined)[]>;
  /** What the rows from a key, inclusive, to a key, exclusive, hold; null: open. In key order; no two overlap. */
  contents(from: Key | null, to: Key | null): AsyncIterable<Content>;
  /**
   * Writes all of a batch or nothing of it. When it resolves, the batch survives the death of the process, and, unless it
   * is `lazy`, power loss, with everything written before it. Throws StoreError `full` where there is no room, and then
   * nothing has changed (R5).
   */
  write(batch: Batch): Promise<void>;
  close(): Promise<void>;
}

export interface Opened {
  /**
   * What was wrong with the store, for people; null where nothing was. A damaged store comes back without records and
   * staged lines, and with those notes that could still be read.
   */
  readonly damage: string | null;
  /** The damage is that somebody else, such as a browser in want of room, has taken the store away. */
  readonly evicted?: true;
}

/** A record of the base: what the server has confirmed. */
export interface Row {
  readonly key: Key;
  /** The greatest revision as of which this content was received (P13). */
  readonly at: Revision;
  /** Numbers of the subscriptions that hold the record, ascending. */
  readonly holders: readonly number[];
  readonly data: RecordData;
  /** Who wrote it on the server, where that was asked for; undefined: it is not known. */
  readonly origins?: Origins | undefined;
}

/** Keys from the first to the last, both included. */
export interface Span {
  readonly first: Key;
  readonly last: Key;
}

/** Staged lines that become rows as they are, as many of a subscription's first as it says. */
export interface Adopted {
  readonly subscription: number;
  readonly lines: number;
}

/** All records of a span, of one collection, and held by the same subscriptions, as canonical texts. */
export interface Content extends Span {
  readonly collection: string;
  readonly holders: readonly number[];
  readonly texts: readonly string[];
}

export type RecordLine = PutLine | PatchLine | RemoveLine;

/** A line with the text that it was parsed from: a store keeps whichever costs it less. */
export interface StagedLine {
  readonly text: string;
  readonly line: RecordLine;
}

/** What one write changes, in this order. */
export interface Batch {
  /** Subscriptions whose staged lines go. */
  readonly unstage?: readonly number[] | undefined;
  /** All rows go. */
  readonly wipe?: boolean | undefined;
  /** Lines that are added behind those already staged. */
  readonly stage?: readonly { readonly subscription: number; readonly lines: readonly StagedLine[] }[] | undefined;
  /** Staged lines that become rows, held by their subscription alone. Their spans are free, after `wipe`, and do not overlap. */
  readonly adopt?: readonly Adopted[] | undefined;
  /** Rows that are written, and, as null, rows that go. */
  readonly rows?: ReadonlyMap<Key, Row | null> | undefined;
  /** Of rows that go, who took them out on the server, where that was asked for. */
  readonly ends?: ReadonlyMap<Key, Origins> | undefined;
  /** Notes that are written, and, as null, notes that go. */
  readonly notes?: ReadonlyMap<string, Json | null> | undefined;
  /**
   * Records that were erased (K2), of which nothing may be left: of what was written of them before neither, where the store
   * has its files in its own hands.
   */
  readonly erased?: readonly Key[] | undefined;
  /** Power loss may undo the batch, with all that came after it: it would only be fetched again. */
  readonly lazy?: boolean | undefined;
}

export { StoreError, type StoreFailure } from "../../util/store-error.ts";
