import type { Row } from "../client/store/store.ts";
import { targetOf, type Write } from "../model/mutation.ts";
import { type Key, keyOf } from "../model/record.ts";

/** A row of the mirror, out of its note. */
export function rowOf(key: Key, text: string | undefined): Row | undefined {
  if (text === undefined) return undefined;
  return { key, ...(JSON.parse(text) as Omit<Row, "key">) };
}

export function textOf({ at, holders, data }: Row): string {
  return JSON.stringify({ at, holders, data });
}

/** The key next to another ends with a zero, which PostgreSQL takes in no text; as keys hold no control characters, a one does. */
export function nameable(key: Key): string {
  return key.endsWith("\u0000") ? `${key.slice(0, -1)}\u0001` : key;
}

/** The record that a write is about. */
export function keyOfWrite(write: Write): Key {
  const { collection, id } = targetOf(write);
  return keyOf(collection, id);
}
