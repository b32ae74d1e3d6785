import { isObject, type Json, type JsonObject } from "../../../util/json.ts";
import { sha256Hex } from "../../../util/sha256.ts";
import type { SourceChange } from "../../source.ts";
import { type Found, keyText } from "./shape.ts";

/**
 * Up to when a stream is read. The next run reads from `at`, that instant included, since more may have come with the same;
 * what it then finds as it stands in `seen` is not news.
 */
export interface Watermark {
  /** Unix milliseconds; null where nothing was read yet. */
  readonly at: number | null;
  /** Records at or after `at` that were read already, by the text of their key. */
  readonly seen: ReadonlyMap<string, Seen>;
}

interface Seen {
  /** Unix milliseconds. */
  readonly at: number;
  /** Of its content: a record may change twice in one second, and show the same time. */
  readonly digest: string;
}

export const BEGINNING: Watermark = { at: null, seen: new Map() };

/** So many records are remembered at most. What is forgotten is read twice, which changes nothing. */
export const REMEMBERED = 10_000;

/** What of these is not read yet. */
export function news(mark: Watermark, items: readonly Found[]): Found[] {
  return items.filter(({ change, at }) => {
    const known = mark.seen.get(keyText(change) ?? "");
    return known === undefined || known.at !== at || known.digest !== digestOf(change);
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
  const from = at ?? Number.NEGATIVE_INFINITY;
  const seen = new Map([...mark.seen].filter(([, known]) => known.at >= from));
  for (const { change, at: changed } of items) {
    const key = keyText(change);
    if (key !== null && changed !== null && changed >= from) seen.set(key, { at: changed, digest: digestOf(change) });
  }
  if (seen.size <= REMEMBERED) return { at, seen };
  const newest = [...seen].sort(([, a], [, b]) => a.at - b.at).slice(-REMEMBERED);
  return { at, seen: new Map(newest) };
}

function digestOf(change: SourceChange): string {
  return sha256Hex(change.op === "put" ? JSON.stringify(change.value) : change.op).slice(0, 12);
}

export function toJson({ at, seen }: Watermark): JsonObject {
  return { at, seen: Object.fromEntries([...seen].map(([key, known]) => [key, [known.at, known.digest]])) };
}

export function fromJson(value: Json | undefined): Watermark {
  if (!isObject(value)) return BEGINNING;
  const { at, seen } = value as { at?: Json; seen?: Json };
  const known = new Map<string, Seen>();
  for (const [key, pair] of Object.entries(isObject(seen) ? seen : {})) {
    if (Array.isArray(pair)) known.set(key, { at: Number(pair[0]), digest: String(pair[1]) });
  }
  return { at: typeof at === "number" ? at : null, seen: known };
}
