import type { Entry, RecordChange } from "../model/entry.ts";
import type { Change } from "../model/delta.ts";
import type { Fingerprint } from "../model/fingerprint.ts";
import type { Outcome } from "../model/mutation.ts";
import type { Author, Key, KeyRange, Revision, Row } from "../model/record.ts";

/**
 * Where a server keeps its spaces. A store knows no rule of the protocol: what is to be written is decided in
 * `model/`, what is sent is decided in `server/`. Every implementation passes `storeContract` of `tidemark/testing`.
 */
export interface Store {
  /** The head of a space, or null where there is none of that name. */
  head(space: string): Promise<Head | null>;
  spaces(): Promise<readonly string[]>;

  /**
   * Answers all queries of one call at one revision, the `head` of the answer. Null: there is no such space.
   * A result stands where its query stood.
   */
  read<const Q extends readonly Query[]>(space: string, queries: Q): Promise<Snapshot<Q> | null>;

  /**
   * Loads under the space's lock, lets `decide` make a batch of what was loaded, and commits it durably: what
   * has been resolved survives a power cut. If `decide` throws, nothing is written and the error goes through. A
   * space that is not there is made where `wanted.create` says so; otherwise the answer is null.
   */
  write<B extends Batch>(space: string, wanted: Wanted, decide: (loaded: Loaded) => B): Promise<B | null>;

  /** One short slice of cutting the journal, the tombstones and the outcomes; `done` when nothing was left to cut (G3). */
  cut(space: string, horizon: CutHorizon, slice: number): Promise<{ readonly done: boolean; readonly removed: number }>;

  /** Sets what a restored server tells its clients to do (R2). */
  setRestore(space: string, policy: RestorePolicy): Promise<void>;
  /** A small text that a server keeps beside a space, for instance which `scopes` its memberships were made by. */
  note(space: string, name: string): Promise<string | null>;
  setNote(space: string, name: string, text: string): Promise<void>;

  /** Calls the listener after commits to any space. It may miss one and may come twice, but never lies. */
  watch(listener: (space: string) => void): () => void;

  /** Bytes on disk, for people and metrics. */
  size(): Promise<number>;
  close(): Promise<void>;
}

export type RestorePolicy = "heal" | "discard";

export interface Head {
  readonly revision: Revision;
  /** Chain hash of that revision, 64 hex digits. */
  readonly hash: string;
  /** Of that revision, milliseconds since 1970; 0 for an empty space. */
  readonly time: number;
  readonly horizon: Horizon;
  readonly restore: RestorePolicy | null;
}

export interface Horizon {
  /** The journal's entries are kept for revisions greater than this. */
  readonly journal: Revision;
  /** A cursor at this revision or a later one can be followed. Never greater than `journal`. */
  readonly tombstones: Revision;
}

export interface CutHorizon extends Horizon {
  /** Outcomes that were acknowledged before this time go, save each client's last (W6). */
  readonly outcomes: number;
}

export type Query =
  | ScanQuery
  | PageQuery
  | BehindQuery
  | FingerprintQuery
  | RangesQuery
  | HashesQuery
  | ClientQuery
  | RowQuery
  | JournalQuery
  | HistoryQuery
  | AtQuery;

/** The records that a scope saw change after a revision, by that revision, the lowest first. Cost: rows found (P3). */
export interface ScanQuery {
  readonly kind: "scan";
  readonly scope: string;
  readonly collections?: readonly string[] | undefined;
  readonly after: Revision;
  readonly limit: number;
}
export interface ScanResult {
  readonly changes: readonly (Change & { readonly collection: string })[];
  /** Whether rows remain beyond the limit. */
  readonly more: boolean;
}

/** The records of a scope in key order, after a key, as text. */
export interface PageQuery {
  readonly kind: "page";
  readonly scope: string;
  readonly collections?: readonly string[] | undefined;
  readonly after: Key | null;
  /** Records and bytes at most; one record is always given, whatever its size. */
  readonly limit: number;
  readonly bytes: number;
}
export interface PageResult {
  /** In key order; `records` are canonical texts with a comma between them. */
  readonly runs: readonly { readonly collection: string; readonly records: string; readonly count: number }[];
  /** The last key given; null where nothing was. */
  readonly last: Key | null;
  readonly more: boolean;
}

/** How many records a scope saw change after a revision, counted up to a limit. */
export interface BehindQuery {
  readonly kind: "behind";
  readonly scope: string;
  readonly collections?: readonly string[] | undefined;
  readonly after: Revision;
  readonly limit: number;
}

export interface FingerprintQuery {
  readonly kind: "fingerprint";
  readonly scope: string;
  readonly collections?: readonly string[] | undefined;
}

/** The parts of each range, without gap or overlap, of like size, with the records of parts of at most `leaf` (V1). */
export interface RangesQuery {
  readonly kind: "ranges";
  readonly scope: string;
  readonly collections?: readonly string[] | undefined;
  readonly ranges: readonly KeyRange[];
  readonly fanout: number;
  readonly leaf: number;
}
export interface RangePart extends KeyRange {
  readonly fingerprint: Fingerprint;
  /** `[collection, canonical text]` in key order, where the part has at most `leaf` records. */
  readonly records?: readonly (readonly [string, string])[] | undefined;
}

/** The chain hash of each revision that is still known; 0 always is. */
export interface HashesQuery {
  readonly kind: "hashes";
  readonly revisions: readonly Revision[];
}

export interface ClientQuery {
  readonly kind: "client";
  readonly author: Author;
}

export interface RowQuery {
  readonly kind: "row";
  readonly collection: string;
  readonly id: string;
}

/** Entries with a revision greater than `after`, the lowest first. */
export interface JournalQuery {
  readonly kind: "journal";
  readonly after: Revision;
  readonly limit: number;
}
/** An entry as it stands on disk: for one below the journal's horizon (`cut`) only number, time and hash are left. */
export type JournalEntry = (Entry & { readonly cut: false }) | { readonly revision: Revision; readonly time: number; readonly hash: string; readonly cut: true };

/** What happened to one record, the newest first, as far as the journal goes. */
export interface HistoryQuery {
  readonly kind: "history";
  readonly collection: string;
  readonly id: string;
  readonly limit: number;
}
export interface HistoryItem {
  readonly revision: Revision;
  readonly time: number;
  readonly author: Author;
  readonly mutation: number;
  readonly change: RecordChange;
}

/** The last revision committed at or before a time. */
export interface AtQuery {
  readonly kind: "at";
  readonly time: number;
}

export type ResultOf<Q extends Query> = Q extends ScanQuery
  ? ScanResult
  : Q extends PageQuery
    ? PageResult
    : Q extends BehindQuery
      ? number
      : Q extends FingerprintQuery
        ? Fingerprint
        : Q extends RangesQuery
          ? readonly RangePart[]
          : Q extends HashesQuery
            ? ReadonlyMap<Revision, string>
            : Q extends ClientQuery
              ? ClientRow | null
              : Q extends RowQuery
                ? Row | null
                : Q extends JournalQuery
                  ? readonly JournalEntry[]
                  : Q extends HistoryQuery
                    ? readonly HistoryItem[]
                    : Q extends AtQuery
                      ? { readonly revision: Revision; readonly hash: string; readonly time: number } | null
                      : never;

export interface Snapshot<Q extends readonly Query[]> {
  readonly head: Head;
  readonly results: { readonly [I in keyof Q]: ResultOf<Q[I]> };
}

/** What a batch of pushes touches. */
export interface Wanted {
  readonly keys: ReadonlySet<Key>;
  readonly authors: ReadonlySet<Author>;
  /** Outcomes by author, from and to inclusive. */
  readonly outcomes: readonly { readonly author: Author; readonly from: number; readonly to: number }[];
  readonly hashes: readonly Revision[];
  readonly create: boolean;
}

export interface Loaded {
  readonly head: Head;
  /** Rows that exist, tombstones included, each with all its memberships. */
  readonly rows: ReadonlyMap<Key, Row>;
  readonly clients: ReadonlyMap<Author, ClientRow>;
  readonly outcomes: ReadonlyMap<Author, ReadonlyMap<number, OutcomeRow>>;
  readonly hashes: ReadonlyMap<Revision, string>;
}

/** A client as its space knows it. Never forgotten: `last` is what makes a mutation happen once. */
export interface ClientRow {
  readonly author: Author;
  /** The number of its last settled mutation. */
  readonly last: number;
  /** Outcomes up to this number have been acknowledged. */
  readonly acked: number;
  /** Clients whose writes up to a revision are its own (W2). */
  readonly was: readonly { readonly author: Author; readonly revision: Revision }[];
  /** When it last pushed, milliseconds since 1970. */
  readonly seen: number;
}

export interface OutcomeRow {
  readonly author: Author;
  readonly id: number;
  /** `contentOf` the mutation. */
  readonly content: string;
  /** Whole until acknowledged; afterwards the store may keep only id, status and revision of it (W6). */
  readonly outcome: Outcome;
  /** When it was settled, milliseconds since 1970. */
  readonly time: number;
}

/** What one commit writes. All of it, or nothing. */
export interface Batch {
  /** The revisions of this commit: head + 1, head + 2 … */
  readonly entries: readonly Entry[];
  /** The rows as they stand after the last entry. Of its memberships those with a revision beyond the old head are new. */
  readonly rows: readonly Row[];
  /** What is to be added (modulo 2^32) to each scope's fingerprint of each collection; counts may be negative. */
  readonly fingerprints: readonly { readonly scope: string; readonly collection: string; readonly add: Fingerprint }[];
  readonly clients: readonly ClientRow[];
  readonly outcomes: readonly OutcomeRow[];
}

export type StoreFailure = "full" | "unavailable" | "damaged";

/** A store that cannot do what it was asked: the cause in one word, and what to do in the message. */
export class StoreError extends Error {
  override name = "StoreError";
  readonly failure: StoreFailure;
  constructor(failure: StoreFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}
