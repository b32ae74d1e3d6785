import type { JsonObject } from "../../../util/json.ts";
import type { MarkValue } from "../../watermark.ts";

/** A table, or a view, of a database as a stream. */
export interface SqlTable {
  /** Of the stream; that of the table where it is left out. */
  readonly name?: string;
  readonly table: string;
  /** The columns that tell one row from another. */
  readonly key: readonly string[];
  /** The columns that are taken beside the key; by default all. */
  readonly columns?: readonly string[];
  /**
   * The column whose value only grows: a time of the last change, a version, a number that is never given twice. Absent: each
   * run reads the table whole.
   */
  readonly cursor?: string | SqlCursor;
  /** A column that marks a row as deleted: anything in it but NULL, false, 0 or an empty text. */
  readonly deleted?: string;
}

export interface SqlCursor {
  readonly column: string;
  /** Of a number that is a unix time. Texts and columns that hold a time are known as such. */
  readonly unit?: "seconds" | "milliseconds";
  /** Of a time: how long after its stamp a row may become visible, in milliseconds. By default 5 minutes. */
  readonly lag?: number;
}

export interface SqlRow {
  /** As texts; null where a column of it is NULL. */
  readonly key: readonly (string | null)[];
  /** Of the cursor; null where there is none. */
  readonly v: MarkValue | null;
  readonly value: JsonObject;
}

/** Which rows, and in which order: of the key, or of the cursor and then the key. */
export type Part =
  | { readonly of: "all" }
  | { readonly of: "valued"; readonly from: MarkValue | null; readonly to: MarkValue | null }
  /** Those whose cursor is NULL. */
  | { readonly of: "unvalued" }
  /** Those of which a column of the key is NULL. */
  | { readonly of: "keyless" };

/** A table for one run. What goes wrong in it is a SourceError. */
export interface Snapshot {
  /** When it began, by the clock of whoever stamps the rows: unix milliseconds. */
  readonly start: number;
  /**
   * All rows up to this value of the cursor are visible, and none is to come; null: nobody can tell. Absent: those that
   * have come are all.
   */
  readonly settled?: MarkValue | null;
  pages(part: Part): AsyncIterable<readonly SqlRow[]>;
  close(): Promise<void>;
}

/** Rows of a page. */
export const PAGE = 1_000;

export function cursorOf({ cursor }: SqlTable): SqlCursor | null {
  if (cursor === undefined) return null;
  return typeof cursor === "string" ? { column: cursor } : cursor;
}

/** The name of a stream of a table: without the schema, and with what a name may hold. */
export function streamName({ name, table }: SqlTable): string {
  return name ?? table.slice(table.lastIndexOf(".") + 1);
}

/** Whole numbers that a double does not hold become texts that stand in their order. */
export function markValueOf(value: bigint | number | string): MarkValue {
  if (typeof value !== "bigint") return value;
  return Number.isSafeInteger(Number(value)) ? Number(value) : String(value).padStart(20, "0");
}
