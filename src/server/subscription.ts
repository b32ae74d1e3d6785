import { type Coverage, type CursorReading, readCursor } from "../model/cursor.ts";
import { type Matcher, matcherOf } from "../model/filter.ts";
import { prefixOf } from "../model/names.ts";
import type { SubscriptionRequest } from "../wire/pull.ts";

/** What a replica follows, made ready. */
export interface Subscription {
  /** What the replica calls it. */
  readonly key: string;
  readonly coverage: Coverage;
  /** The beginning of the scopes that a pattern stands for (P14); null: it is one scope. */
  readonly prefix: string | null;
  /** Null: no `where`. */
  readonly matcher: Matcher | null;
  /** Whether `end` tells its fingerprint (P9); "small": where there are few records to add up. */
  readonly fingerprint: boolean | "small";
  /** Lines say who wrote what they tell (S24). */
  readonly authors: boolean;
  /** Its cursor: of any age, of another history, or nonsense. Without one it is as if that could not be read. */
  readonly reading: CursorReading;
}

export function subscriptionOf(space: string, request: SubscriptionRequest, authors = false): Subscription {
  const { scope, key = scope, collections, where, cursor, fingerprint } = request;
  const coverage = { scope, collections, where };
  const matcher = where === undefined ? null : matcherOf(where);
  const prefix = prefixOf(scope);
  return {
    key,
    coverage,
    prefix,
    matcher,
    fingerprint: fingerprint ?? (matcher !== null ? false : prefix === null || "small"),
    authors,
    reading: cursor ? readCursor(space, coverage, cursor) : { kind: "unreadable" },
  };
}
