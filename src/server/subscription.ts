import type { Coverage } from "../model/cursor.ts";
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
  /** As it came: it may be of any age, of another history, or nonsense. */
  readonly cursor: string | null;
}

export function subscriptionOf(request: SubscriptionRequest): Subscription {
  const { scope, key = scope, collections, where, cursor = null, fingerprint } = request;
  const matcher = where === undefined ? null : matcherOf(where);
  return {
    key,
    coverage: { scope, collections, where },
    matcher,
    fingerprint: fingerprint ?? matcher === null,
    cursor,
  };
}
