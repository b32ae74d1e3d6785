import type { Key } from "../../model/record.ts";

/** What a column of an array is made of. */
type Item = string | number | boolean | null;

/**
 * An array in PostgreSQL's own notation, for a parameter that the statement casts: `$1::text::text[]`. So a statement
 * takes any number of rows in one parameter a column, whatever driver carries it.
 */
export function arrayOf(items: Iterable<Item>): string {
  let text = "{";
  for (const item of items) {
    if (text.length > 1) text += ",";
    text += typeof item === "string" ? `"${item.replace(/["\\]/g, "\\$&")}"` : (textOf(item) ?? "NULL");
  }
  return `${text}}`;
}

/**
 * A value as a parameter. Numbers are whole ones or bounds, and bounds may be of any size, also beyond bigint: what is
 * counted here, revisions, bytes and times, never gets as far as the greatest that is told apart.
 */
export function textOf(value: Item): string | null {
  if (typeof value !== "number") return value === null ? null : String(value);
  const most = Number.MAX_SAFE_INTEGER;
  return String(Math.trunc(Math.max(-most, Math.min(value, most))));
}

/** One array for each column of some rows. */
export function columnsOf(rows: readonly (readonly Item[])[], width: number): string[] {
  return Array.from({ length: width }, (_, column) => arrayOf(rows.map((row) => row[column] as Item)));
}

/**
 * A text that ids and names are compared with. PostgreSQL takes no U+0000; ids and names hold no character below
 * U+0020 but the author's newline, so that U+0001 stands at the same place among them.
 */
export function comparable(text: string): string {
  return text.replaceAll("\u0000", "\u0001");
}

/**
 * Where any text stands among the keys, as a pair to be compared with (collection, id): a record's key is less than the
 * text exactly where its pair is less than this one. Names of collections are made of letters, digits and "_", all of
 * which are greater than "/".
 */
export function pairOf(key: Key): readonly [collection: string, id: string] {
  const [name] = /^[A-Za-z0-9_]*/.exec(key) as RegExpExecArray;
  const next = key.charAt(name.length);
  if (next === "/") return [name, comparable(key.slice(name.length + 1))];
  return next === "" || next > "/" ? [comparable(key), ""] : [name, ""];
}

/** Before and behind all pairs: no name is empty, and none begins with a tilde. */
export const FIRST = ["", ""] as const;
export const LAST = ["~", ""] as const;
