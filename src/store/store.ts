import type { Batch, ClientRow, Head, Horizon, Loaded, NoteRange, RestorePolicy, Wanted } from "../model/batch.ts";
import type { Change } from "../model/delta.ts";
import type { HistoryItem, JournalEntry } from "../model/entry.ts";
import type { Fingerprint } from "../model/fingerprint.ts";
import type { Author, Key, KeyRange, Membership, Revision, Row } from "../model/record.ts";
import type { Adoption, AdoptionHost, AdoptionPlan } from "./adopt.ts";

export type {
  Batch,
  ClientRow,
  Families,
  Family,
  Head,
  Horizon,
  Loaded,
  NoteRange,
  OutcomeRow,
  RestorePolicy,
  Wanted,
} from "../model/batch.ts";
export type { HistoryItem, JournalEntry } from "../model/entry.ts";

/**
 * Where a server keeps its spaces. A store knows no rule of the protocol: what is to be written is decided in
 * `model/`, what is sent is decided in `server/`. Every implementation passes `storeContract` of `tidemark/testing`.
 */
export interface Store {
  /** Nobody else writes to it while it is open: what another server held there before has died with that. */
  readonly exclusive?: boolean;
  /** Nothing can be written to it. */
  readonly readonly?: boolean;
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
   * has been resolved survives a power cut. If `decide` throws, nothing is written and the error goes through. It may
   * be called again, with what is then there, where a commit came to nothing and is tried anew. A
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

  /**
   * Takes tables that other programs write into spaces (section T), from now on until the adoption is closed; what was
   * adopted before and is not in the plans is let go. Absent where a store has no tables but its own. Resolves when writes
   * to these collections go to their tables; a write that a table refuses then rejects with a TableRefusal.
   */
  adopt?(plans: ReadonlyMap<string, AdoptionPlan>, host: AdoptionHost): Promise<Adoption>;

  /**
   * Keeps an order of erasure, durably, where no backup of the spaces reaches (K2): before it is carried out, so that a space
   * that is restored to a state from before it is told again. One of a number that is there already is passed over.
   */
  order(order: ErasureOrder): Promise<void>;
  /** All orders that were ever given, the oldest first. */
  orders(): Promise<readonly ErasureOrder[]>;
  /** Writes what is kept anew, so that of what was removed or replaced nothing is left in its files, where it has its own. */
  rewrite(): Promise<void>;

  /** Calls the listener after commits to any space. It may miss one and may come twice, but never lies. */
  watch(listener: (space: string) => void): () => void;

  /** Bytes on disk, for people and metrics. */
  size(): Promise<number>;
  /** Bytes of the disk that it lies on, as far as they can be seen from here. */
  disk?(): Promise<{ readonly free: number; readonly total: number } | null>;
  close(): Promise<void>;
}

/** That a record was to be erased (K2). It names it, and holds no value of it. */
export interface ErasureOrder {
  /** Random; the same wherever the order is carried out. */
  readonly order: string;
  readonly space: string;
  readonly collection: string;
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly author: Author;
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
  | ScopesQuery
  | ClientQuery
  | RowQuery
  | RowsQuery
  | JournalQuery
  | HistoryQuery
  | AtQuery
  | NotesQuery
  | NotesBetweenQuery;

/** A scope, or the union of several (P14), `*` not among them: each record counts once. */
export type Scopes = string | readonly string[];

/**
 * The records that a scope saw change after a revision, by that revision, the lowest first. No revision is divided: the
 * last one is given whole, also beyond the limit. Cost: rows found (P3), and a look-up for each scope of a union.
 */
export interface ScanQuery {
  readonly kind: "scan";
  readonly scope: Scopes;
  readonly collections?: readonly string[] | undefined;
  readonly after: Revision;
  readonly limit: number;
  /** After about so many bytes of records the scan ends too, at a whole revision. */
  readonly bytes?: number | undefined;
}
export interface ScanResult {
  readonly changes: readonly ScanChange[];
  /** Whether rows remain beyond the limit. */
  readonly more: boolean;
}
/**
 * In a union a record is given once: `member` is that of its latest change that this scan gives, in whichever scope. A later
 * scan may give it again, for a later change in another scope.
 */
export interface ScanChange extends Change {
  readonly collection: string;
  /** For a union: all memberships of the record but that in `*`, those in scopes that were not asked for included. */
  readonly members?: ReadonlyMap<string, Membership> | undefined;
}

/** The records of a scope in key order, after a key, as text. */
export interface PageQuery {
  readonly kind: "page";
  readonly scope: Scopes;
  readonly collections?: readonly string[] | undefined;
  readonly after: Key | null;
  /** Exclusive; any text is a bound. Absent: to the end. */
  readonly to?: Key | undefined;
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

/** Of one scope it is kept; that of a union is added up from its records, each of them read. */
export interface FingerprintQuery {
  readonly kind: "fingerprint";
  readonly scope: Scopes;
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

/**
 * The scopes that begin with a prefix and have ever held a record, `*` not among them, with a revision greater than `after`;
 * by that revision, and those of one revision by name. A scope is never forgotten, also when nothing is left in it.
 */
export interface ScopesQuery {
  readonly kind: "scopes";
  readonly prefix: string;
  readonly after: Revision;
}
export interface ScopeName {
  readonly scope: string;
  /** Of the commit that first used it: its first revision, whichever of them it was. Never changes. */
  readonly since: Revision;
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

/** Of these records the rows that there are, tombstones included. */
export interface RowsQuery {
  readonly kind: "rows";
  readonly keys: readonly Key[];
}

/** Entries with a revision greater than `after`, the lowest first. */
export interface JournalQuery {
  readonly kind: "journal";
  readonly after: Revision;
  readonly limit: number;
}
/** What happened to one record, the newest first, as far as the journal goes. */
export interface HistoryQuery {
  readonly kind: "history";
  readonly collection: string;
  readonly id: string;
  readonly limit: number;
}
/** The last revision committed at or before a time. */
export interface AtQuery {
  readonly kind: "at";
  readonly time: number;
}

/** The notes of these names that there are. */
export interface NotesQuery {
  readonly kind: "notes";
  readonly names: readonly string[];
}
/** Notes in the order of their names' UTF-8 bytes. */
export interface NotesBetweenQuery extends NoteRange {
  readonly kind: "notes-between";
  readonly limit: number;
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
            : Q extends ScopesQuery
              ? readonly ScopeName[]
              : Q extends ClientQuery
                ? ClientRow | null
                : Q extends RowQuery
                  ? Row | null
                  : Q extends RowsQuery
                    ? ReadonlyMap<Key, Row>
                    : Q extends JournalQuery
                      ? readonly JournalEntry[]
                      : Q extends HistoryQuery
                        ? readonly HistoryItem[]
                        : Q extends AtQuery
                          ? { readonly revision: Revision; readonly hash: string; readonly time: number } | null
                          : Q extends NotesQuery
                            ? ReadonlyMap<string, string>
                            : Q extends NotesBetweenQuery
                              ? readonly (readonly [name: string, text: string])[]
                              : never;

export interface Snapshot<Q extends readonly Query[]> {
  readonly head: Head;
  readonly results: { readonly [I in keyof Q]: ResultOf<Q[I]> };
}

export { StoreError, type StoreFailure } from "../util/store-error.ts";
