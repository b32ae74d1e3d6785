import type { Entry } from "./entry.ts";
import type { Fingerprint } from "./fingerprint.ts";
import type { Outcome } from "./mutation.ts";
import type { Author, Key, Revision, Row } from "./record.ts";
import type { TableTransaction } from "./table-change.ts";

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

/** What a batch of pushes touches. */
export interface Wanted {
  readonly keys: ReadonlySet<Key>;
  readonly families: Families;
  readonly authors: ReadonlySet<Author>;
  /** Outcomes by author, from and to inclusive. */
  readonly outcomes: readonly { readonly author: Author; readonly from: number; readonly to: number }[];
  readonly hashes: readonly Revision[];
  /** Names of notes. */
  readonly notes?: readonly string[];
  readonly create: boolean;
}

/**
 * Records whose descendants are wanted too (M8): the rows that name one of them as `parent`, the rows that name those, and so
 * on, a circle ending where it began. They need not be there themselves, and are not loaded for standing here. A family is
 * loaded if, with those loaded before it in the order of `of`, it makes no more than `most` distinct rows; one that does
 * not fit is only counted, and those behind it are tried all the same.
 */
export interface Families {
  readonly of: ReadonlySet<Key>;
  readonly most: number;
}

export interface Family {
  /** Its descendants, counted up to ten times `most`. */
  readonly count: number;
  /** Whether they are among the loaded rows, all of them or none. */
  readonly loaded: boolean;
}

export const NO_FAMILIES: Families = { of: new Set(), most: 0 };
export const NOTHING_WANTED: Wanted = {
  keys: new Set(),
  families: NO_FAMILIES,
  authors: new Set(),
  outcomes: [],
  hashes: [],
  create: false,
};

export interface Loaded {
  readonly head: Head;
  /** Rows that exist, tombstones included, each with all its memberships. */
  readonly rows: ReadonlyMap<Key, Row>;
  /** One for each key of `families.of`. */
  readonly families: ReadonlyMap<Key, Family>;
  readonly clients: ReadonlyMap<Author, ClientRow>;
  readonly outcomes: ReadonlyMap<Author, ReadonlyMap<number, OutcomeRow>>;
  readonly hashes: ReadonlyMap<Revision, string>;
  /** Those of the wanted notes that there are. */
  readonly notes?: ReadonlyMap<string, string>;
  /** What adopted tables say of these records beyond the rows: it is recorded before anything else is decided (T5). */
  readonly tables?: readonly TableTransaction[];
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
  /** Notes that go, by name from inclusive, to exclusive, before others are written. */
  readonly clear?: readonly NoteRange[];
  /** Notes that are written, and, as null, notes that go. */
  readonly notes?: ReadonlyMap<string, string | null>;
  /**
   * Records of which no value stays (K2). None of them is there after the batch, and its tombstone, if it has one, tells from
   * then on that it was erased at its revision. Of their changes in the journal only hashes stay, and of rejections that
   * nobody has acknowledged only codes, since a message may hold any value.
   */
  readonly erased?: readonly Key[];
}

export const NOTHING_WRITTEN: Batch = { entries: [], rows: [], fingerprints: [], clients: [], outcomes: [] };

/** Names of notes, by their UTF-8 bytes. */
export interface NoteRange {
  readonly from: string;
  readonly to: string;
}
