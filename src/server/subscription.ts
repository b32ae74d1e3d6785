import { type Coverage, type CursorReading, readCursor } from "../model/cursor.ts";
import { type Matcher, matcherOf } from "../model/filter.ts";
import type { SubscriptionRequest } from "../wire/pull.ts";

/** What a replica follows, made ready. */
export interface Subscription {
  /** What the replica calls it. */
  readonly key: string;
  readonly coverage: Coverage;
  /** Null: no `where`. */
  readonly matcher: Matcher | null;
  /** Whether `end` tells its fingerprint (P9). */
  readonly fingerprint: boolean;
  /** Its cursor: of any age, of another history, or nonsense. Without one it is as if that could not be read. */
  readonly reading: CursorReading;
}

export function subscriptionOf(space: string, request: SubscriptionRequest): Subscription {
  const { scope, key = scope, collections, where, cursor, fingerprint } = request;
  const coverage = { scope, collections, where };
  const matcher = where === undefined ? null : matcherOf(where);
  return {
    key,
    coverage,
    matcher,
    fingerprint: fingerprint ?? matcher === null,
    reading: cursor ? readCursor(space, coverage, cursor) : { kind: "unreadable" },
  };
}
