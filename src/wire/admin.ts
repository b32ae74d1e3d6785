import type { Superseded } from "../model/mutation.ts";
import type { RecordData, Revision } from "../model/record.ts";
import type { JsonObject } from "../util/json.ts";

// What administrators look at (section Y). Times are ISO 8601 in UTC.

/** The spaces that the caller administers. */
export interface SpacesResponse {
  readonly spaces: readonly { readonly space: string; readonly revision: Revision; readonly at: string | null }[];
  /** Whether the caller administers the server too. */
  readonly server: boolean;
}

/** Scopes by name; `*`, the whole space, comes first. */
export interface ScopesResponse {
  readonly revision: Revision;
  /** How many there are of this prefix. */
  readonly total: number;
  readonly scopes: readonly ScopeState[];
  /** The last one given, where more follow. */
  readonly next: string | null;
}

export interface ScopeState {
  readonly scope: string;
  /** The revision that first used it. */
  readonly since: Revision;
  readonly count: number;
  readonly digest: string;
}

/** A page of records in key order. */
export interface RecordsResponse {
  readonly revision: Revision;
  readonly runs: readonly { readonly collection: string; readonly records: readonly RecordData[] }[];
  /** How many records were looked at, where only those that match were asked for. */
  readonly looked: number;
  /** The key to go on after; null at the end. */
  readonly next: string | null;
}

/** What a space takes up, and how far back it can be asked. */
export interface StoreResponse {
  readonly space: string;
  readonly revision: Revision;
  readonly at: string | null;
  readonly horizon: { readonly journal: Revision; readonly tombstones: Revision };
  readonly collections: readonly { readonly collection: string; readonly count: number; readonly digest: string }[];
  /** Milliseconds that each is kept; null: for ever. */
  readonly retention: {
    readonly journal: number | null;
    readonly tombstones: number | null;
    readonly outcomes: number | null;
  };
  /** Bytes of the store, all of its spaces together. */
  readonly bytes: number;
  /** Bytes of the disk that it lies on; null where the server does not see it. */
  readonly disk: { readonly free: number; readonly total: number } | null;
}

/** Those who follow the space, as far as this server has heard of them since it started. */
export interface ReplicasResponse {
  readonly revision: Revision;
  /** When this server began to listen. */
  readonly since: string;
  readonly total: number;
  readonly replicas: readonly ReplicaState[];
}

export interface ReplicaState {
  readonly user: string;
  /** The client's id; null where it did not say. */
  readonly client: string | null;
  readonly how: "live" | "pull";
  /** Up to 100 of its subscriptions. */
  readonly subscriptions: readonly { readonly key: string; readonly scope: string; readonly filtered: boolean }[];
  readonly subscribed: number;
  /** What it was last told; null: nothing yet. */
  readonly tidemark: Revision | null;
  /** When that was; of a live connection, when it opened. */
  readonly at: string;
  /** A live connection whose other side does not take what is sent. */
  readonly slow: boolean;
  /** Of a live connection, by which it is asked to verify. */
  readonly connection: number | null;
  /** Whether it can be asked to verify itself. */
  readonly able: boolean;
  /** What came of the last time that it was asked to; `at` null: it has not answered. */
  readonly verification: {
    readonly asked: string;
    readonly at: string | null;
    readonly found: { readonly records: number; readonly differences: number; readonly copied: boolean } | null;
    readonly failure: string | null;
  } | null;
}

/** Writes that did not stand, the newest first, as far as this server has settled them since it started. */
export interface LostResponse {
  readonly since: string;
  readonly superseded: number;
  readonly rejected: number;
  readonly lost: readonly LostWrite[];
}

export interface LostWrite {
  readonly number: number;
  readonly at: string;
  readonly user: string;
  readonly client: string;
  readonly mutation: number;
  readonly status: "superseded" | "rejected";
  readonly revision: Revision;
  readonly base: Revision;
  readonly superseded: readonly Superseded[];
  /** Of one that was rejected. */
  readonly reason: { readonly code: string; readonly message: string; readonly path: string } | null;
  /** What was wanted, record by record; fewer where it is much. */
  readonly wanted: readonly {
    readonly op: "insert" | "update" | "delete";
    readonly collection: string;
    readonly id: string;
    readonly atoms: JsonObject;
  }[];
}
