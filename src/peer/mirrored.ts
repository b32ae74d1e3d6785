import type { Row } from "../client/store/store.ts";
import type { Key } from "../model/record.ts";

/** A row of the mirror, out of its note. */
export function rowOf(key: Key, text: string | undefined): Row | undefined {
  if (text === undefined) return undefined;
  return { key, ...(JSON.parse(text) as Omit<Row, "key">) };
}

export function textOf({ key: _, ...row }: Row): string {
  return JSON.stringify(row);
}

/** The key next to another ends with a zero, which PostgreSQL takes in no text; as keys hold no control characters, a one does. */
export function nameable(key: Key): string {
  return key.endsWith("\u0000") ? `${key.slice(0, -1)}\u0001` : key;
}
