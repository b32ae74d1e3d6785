import type { Rejection } from "../model/mutation.ts";
import type { Rules } from "../model/push.ts";
import type { Author } from "../model/record.ts";

/** How changes that other programs make are seen: in PostgreSQL's log, or by triggers that note them in a table. */
export type Capture = "replication" | "triggers";

/** One table that other programs write, and the collection that it is. */
export interface TablePlan {
  readonly collection: string;
  /** `schema.table`, or a table of `public`. */
  readonly table: string;
  /** The columns that make a record's id, in their order; by default those of the primary key. */
  readonly key?: readonly string[] | undefined;
  /** The columns that are taken, by the atoms that they become. Absent: all, each under its own name. */
  readonly columns?: { readonly [atom: string]: string | ColumnPlan } | undefined;
}

export interface ColumnPlan {
  readonly column: string;
  /** `number`: int8 and numeric become JSON numbers, which are doubles, instead of strings. */
  readonly as?: "number" | undefined;
}

/** The tables of one space. */
export interface AdoptionPlan {
  readonly capture: Capture;
  readonly tables: readonly TablePlan[];
}

type Fields = { readonly [name: string]: string | number | boolean | undefined };

/** What adoption needs of the server that runs it. */
export interface AdoptionHost {
  rules(): Pick<Rules, "collections" | "limits" | "now" | "salt">;
  /** Fields hold no record content. */
  readonly log: { info(fields: Fields, message: string): void; error(fields: Fields, message: string): void };
}

/** How one adopted table stands. */
export interface TableStatus {
  readonly collection: string;
  readonly table: string;
  /** Compared row by row; following; or left alone until what `cause` says is mended. */
  readonly state: "copying" | "following" | "paused";
  readonly cause: string | null;
}

export interface AdoptionStatus {
  /** Whether this server is the one that follows the tables. */
  readonly leads: boolean;
  readonly tables: readonly TableStatus[];
  /** What the database keeps for the reader that it has not read: bytes of its log, or changes that were noted. */
  readonly behind: { readonly unit: "bytes" | "changes"; readonly count: number } | null;
}

/** Tables that are adopted until this is closed. */
export interface Adoption {
  /** Null: no tables of that space are adopted. */
  status(space: string): Promise<AdoptionStatus | null>;
  close(): Promise<void>;
}

/** A row that a write is about stayed locked by another program for too long: nothing was written; it may be tried again. */
export class RowBusy extends Error {
  override name = "RowBusy";
}

/**
 * A table did not take what a mutation was to write to it: nothing of the batch was written. `atom` is the column's,
 * where the database named one.
 */
export class TableRefusal extends Error {
  override name = "TableRefusal";
  readonly author: Author;
  readonly mutation: number;
  readonly collection: string;
  readonly id: string;
  readonly atom: string | null;

  constructor(message: string, of: Pick<TableRefusal, "author" | "mutation" | "collection" | "id" | "atom">) {
    super(message);
    this.author = of.author;
    this.mutation = of.mutation;
    this.collection = of.collection;
    this.id = of.id;
    this.atom = of.atom;
  }

  /** `path`: where in the push the write stands. */
  rejection(path: string): Rejection {
    return { code: "constraint", message: this.message, path };
  }
}
