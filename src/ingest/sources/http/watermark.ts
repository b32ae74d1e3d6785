import { isObject, type Json, type JsonObject } from "../../../util/json.ts";
import { type Found, keyText } from "./shape.ts";

/**
 * Up to when a stream is read. The next run reads from `at`, that instant included, since more may have come with the same;
 * what it then finds as it stands in `seen` is not news.
 */
export interface Watermark {
  /** Unix milliseconds; null where nothing was read yet. */
  readonly at: number | null;
  /** Records at or after `at` that were read already: the text of their key, and when they were changed. */
  readonly seen: ReadonlyMap<string, number>;
}

export const BEGINNING: Watermark = { at: null, seen: new Map() };

/** So many records are remembered at most. What is forgotten is read twice, which changes nothing. */
export const REMEMBERED = 10_000;

/** What of these is not read yet. */
export function news(mark: Watermark, items: readonly Found[]): Found[] {
  return items.filter(({ change, at }) => {
    const key = keyText(change);
    return key === null || at === null || mark.seen.get(key) !== at;
  });
}

/**
 * The mark after these were read. It never passes `limit`, the beginning of the run less the time for which records may
 * come late, and never goes back.
 */
export function advanced(mark: Watermark, items: readonly Found[], limit: number): Watermark {
  let at = mark.at;
  for (const item of items) if (item.at !== null && item.at > (at ?? Number.NEGATIVE_INFINITY)) at = item.at;
  if (at !== null) at = Math.max(mark.at ?? Number.NEGATIVE_INFINITY, Math.min(at, limit));
  const seen = new Map(mark.seen);
  for (const item of items) {
    const key = keyText(item.change);
    if (key !== null && item.at !== null) seen.set(key, item.at);
  }
  const from = at ?? Number.NEGATIVE_INFINITY;
  const kept = [...seen].filter(([, time]) => time >= from).sort(([, a], [, b]) => a - b);
  return { at, seen: new Map(kept.slice(-REMEMBERED)) };
}

export function toJson({ at, seen }: Watermark): JsonObject {
  return { at, seen: Object.fromEntries(seen) };
}

export function fromJson(value: Json | undefined): Watermark {
  if (!isObject(value)) return BEGINNING;
  const { at, seen } = value as { at?: Json; seen?: Json };
  const pairs = isObject(seen) ? Object.entries(seen).filter(([, time]) => typeof time === "number") : [];
  return { at: typeof at === "number" ? at : null, seen: new Map(pairs as [string, number][]) };
}
