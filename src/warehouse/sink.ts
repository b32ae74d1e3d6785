import type { State } from "./state.ts";
import type { Stored, Type } from "./values.ts";

export interface Field {
  readonly name: string;
  readonly type: Type | "timestamp";
}

export type StoredRow = { readonly [column: string]: Stored };

/** One change of a table. Tables are named as they stand in the warehouse. */
export type Step =
  | {
      readonly do: "create";
      readonly table: string;
      readonly fields: readonly Field[];
      readonly key: readonly string[];
    }
  | { readonly do: "drop"; readonly table: string }
  | { readonly do: "rename"; readonly table: string; readonly to: string }
  | { readonly do: "add"; readonly table: string; readonly field: Field }
  | { readonly do: "widen"; readonly table: string; readonly name: string; readonly from: Type; readonly to: Type }
  /** Rows that are not there yet. A column that a row does not name is null. */
  | {
      readonly do: "insert";
      readonly table: string;
      readonly fields: readonly Field[];
      readonly rows: readonly StoredRow[];
    }
  /**
   * Rows that are not there yet, as the JSON arrays of records in which they came: each field is the atom of its name, and
   * each value of the field's type, or null. `row` is the same in all.
   */
  | {
      readonly do: "load";
      readonly table: string;
      readonly fields: readonly Field[];
      readonly records: readonly string[];
      readonly common: readonly Field[];
      readonly row: StoredRow;
    }
  /** Whole rows, there before or not. */
  | {
      readonly do: "put";
      readonly table: string;
      readonly fields: readonly Field[];
      readonly rows: readonly StoredRow[];
    }
  /** The named columns of the one row with this `id` for which `where` (a column that is null) holds. */
  | {
      readonly do: "patch";
      readonly table: string;
      readonly fields: readonly Field[];
      readonly rows: readonly StoredRow[];
      readonly where: string | null;
    }
  | { readonly do: "remove"; readonly table: string; readonly ids: readonly string[] }
  /** Rows of `from` whose id `table` lacks, marked as deleted at `at` where they are not yet. */
  | {
      readonly do: "carry";
      readonly table: string;
      readonly from: string;
      readonly fields: readonly Field[];
      readonly at: string;
    }
  /** The same values in all rows. */
  | { readonly do: "stamp"; readonly table: string; readonly fields: readonly Field[]; readonly row: StoredRow };

export interface Difference {
  readonly id: string;
  readonly what: "missing" | "extra" | "different";
  /** Of a row that is different. */
  readonly columns: readonly string[];
}

/** What to compare with a check: the rows of both where `where` is null. */
export interface Comparison {
  readonly table: string;
  readonly where: string;
  readonly check: string;
  readonly fields: readonly Field[];
  readonly most: number;
}

/**
 * A warehouse while one process works on it. What is applied is seen by nobody before `commit`, which stores it with the
 * state, or nothing of both.
 */
export interface Session {
  /** As last committed; null: an empty warehouse. */
  state(): Promise<State | null>;
  /** Gives how many rows it changed; of a `load` 0, as it may still be under way: whatever comes next waits for it. */
  apply(step: Step): Promise<number>;
  /** The rows with these ids for which the column is null. */
  open(table: string, fields: readonly Field[], ids: readonly string[], where: string): Promise<StoredRow[]>;
  count(table: string, where: string): Promise<number>;
  differences(comparison: Comparison): Promise<Difference[]>;
  /** Throws WarehouseError `overtaken` where somebody else has committed since the state was read. */
  commit(state: State): Promise<void>;
  /** Forgets what was applied since the last commit. */
  rollback(): Promise<void>;
  /** Leaves nothing of what was replaced or removed in files that are this warehouse's own (K2). Nothing waits for a commit. */
  rewrite?(): Promise<void>;
}

export interface Answer {
  readonly columns: readonly string[];
  readonly rows: readonly { readonly [column: string]: unknown }[];
}

/** Where a warehouse is kept. */
export interface Sink {
  /** For people, without a secret. */
  readonly place: string;
  session(): Promise<Session>;
  /** What a query over the tables gives. It changes nothing. */
  query(sql: string): Promise<Answer>;
  close(): Promise<void>;
}

export type WarehouseErrorCode =
  /** Another process has the warehouse, or has gone on with it. */
  | "overtaken"
  /** It holds another space, or something that is no warehouse. */
  | "foreign"
  /** What is asked for does not go with its mode, or its driver is not installed. */
  | "invalid"
  /** The server does not let this token read what the warehouse holds. Its tables stay as they are. */
  | "refused"
  /** The server cannot be reached, or what it answers is of no use. It can be tried again. */
  | "unreachable";

export class WarehouseError extends Error {
  override name = "WarehouseError";
  readonly code: WarehouseErrorCode;
  constructor(code: WarehouseErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
