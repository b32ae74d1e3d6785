import type { Key } from "../../model/record.ts";
import { compareUtf8 } from "../../util/utf8.ts";
import type { Connection } from "./connection.ts";

/** The part of a range of keys that lies in one collection, as ids. */
export interface Segment {
  readonly collection: number;
  readonly name: string;
  /** Inclusive; "" is before every id. */
  readonly from: string;
  /** Exclusive; null: to the collection's end. */
  readonly to: string | null;
}

/** Where a key stands in a collection: before all of its ids, after all, or at an id. */
type Place = "before" | "after" | { readonly id: string };

/** Any text is a place among the keys, also one that is no key itself. */
function placeIn(collection: string, key: string): Place {
  const prefix = `${collection}/`;
  if (key.startsWith(prefix)) return { id: key.slice(prefix.length) };
  return compareUtf8(key, prefix) < 0 ? "before" : "after";
}

/** A space's collections, or those of them that are asked for, in the order of keys. */
export function collectionsOf(
  connection: Connection,
  space: number,
  wanted: readonly string[] | undefined,
): readonly { readonly id: number; readonly text: string }[] {
  const all = connection.names.collections(space);
  return wanted === undefined ? all : all.filter(({ text }) => wanted.includes(text));
}

/** The range [from, to) of keys, collection by collection, in the order of keys. */
export function segmentsOf(
  collections: readonly { readonly id: number; readonly text: string }[],
  from: Key | null,
  to: Key | null,
): readonly Segment[] {
  const segments: Segment[] = [];
  for (const { id, text } of collections) {
    const start = from === null ? "before" : placeIn(text, from);
    const end = to === null ? "after" : placeIn(text, to);
    if (start === "after" || end === "before") continue;
    segments.push({
      collection: id,
      name: text,
      from: start === "before" ? "" : start.id,
      to: end === "after" ? null : end.id,
    });
  }
  return segments;
}
