import { type Cursor, formatCursor, type Point } from "../model/cursor.ts";
import type { Key, Revision } from "../model/record.ts";
import type { Head, ScanQuery } from "../store/store.ts";
import type { CopyReason, SubscriptionLine } from "../wire/lines.ts";
import type { Subscription } from "./subscription.ts";

/** The chain hashes that were asked for, as far as they are known. */
export type Hashes = ReadonlyMap<Revision, string>;

/** What a restored server tells a replica of its lost history (R2). */
export interface Recovery {
  readonly common: Revision;
  readonly restore: "heal" | "discard";
}

/** How far one answer has brought one subscription. */
export interface Progress {
  readonly subscription: Subscription;
  /** Why this is a copy; null for a delta. */
  reason: CopyReason | null;
  /** Complete up to here before this answer; for a copy, the head when it began (r0). */
  at: Point;
  /** A copy's pages that remain to be read, from after this key; null: none are. */
  pages: { after: Key | null } | null;
  /** The key that the copy's pages reached. */
  key: Key | null;
  /** The scope revision that the delta has reached. */
  reached: Revision;
  /** The head at which the last page was read; `at` where there was none (P5). */
  page: Point;
}

export type Judgement = { readonly cursor: Cursor } | { readonly reason: CopyReason };

/** The revisions whose hashes say whether the cursor can be followed. */
export function pointsOf({ reading }: Pick<Subscription, "reading">): Point[] {
  if (reading.kind === "unreadable") return [];
  const { at, copy, paged } = reading.cursor;
  return [at, ...(copy ? [copy.page] : []), ...(paged ? [paged.page] : [])];
}

/** Whether the cursor can be followed, and if not, why (P6). */
export function judge({ reading }: Pick<Subscription, "reading">, head: Head, hashes: Hashes): Judgement {
  if (reading.kind === "unreadable") return { reason: "new" };
  const points = pointsOf({ reading });
  if (points.some((point) => !onChain(point, head, hashes))) return { reason: "diverged" };
  if (reading.kind === "changed") return { reason: "changed" };
  return points.some((point) => point.revision < head.horizon.tombstones)
    ? { reason: "expired" }
    : { cursor: reading.cursor };
}

/** A revision so old that its hash is forgotten is not called a lie. */
export function onChain(point: Point, head: Head, hashes: Hashes): boolean {
  if (point.revision > head.revision) return false;
  const hash = hashes.get(point.revision);
  if (hash === undefined) return point.revision < head.horizon.tombstones;
  return hash.startsWith(point.hash);
}

export function progressOf(subscription: Subscription, judgement: Judgement, head: Point): Progress {
  if ("reason" in judgement) {
    const pages = { after: null };
    return { subscription, reason: judgement.reason, at: head, pages, key: null, reached: head.revision, page: head };
  }
  const { at, copy, paged } = judgement.cursor;
  if (copy !== undefined) {
    const { key, page, tail } = copy;
    const pages = tail === undefined ? { after: key } : null;
    return { subscription, reason: "new", at, pages, key, reached: tail ?? at.revision, page };
  }
  return {
    subscription,
    reason: null,
    at,
    pages: null,
    key: null,
    reached: paged?.reached ?? at.revision,
    page: paged?.page ?? at,
  };
}

/** Starts the copy over: the tombstones that its delta, or a plain delta, needs were cut meanwhile. */
export function startOver(progress: Progress, head: Point): void {
  Object.assign(progress, progressOf(progress.subscription, { reason: "expired" }, head));
}

/** For each record that a scan may give, so that large records make short pages and not a full memory: 8 MiB for 1,000. */
export const SCANNED_BYTES = 8_389;

/** What changed in the subscription's scope since what the replica has. `bytes` of records at most, and a revision more. */
export function scanOf({ subscription, reached }: Progress, limit: number, bytes = limit * SCANNED_BYTES): ScanQuery {
  const { scope, collections } = subscription.coverage;
  return { kind: "scan", scope, collections, after: reached, limit, bytes };
}

export function subscriptionLine(progress: Progress, recovery: Recovery | null): SubscriptionLine {
  const { subscription, reason, at, key, reached } = progress;
  const op = "subscription";
  if (reason === null) {
    const since = at.revision;
    return { op, key: subscription.key, mode: "delta", since, ...(reached > since && { reached }) };
  }
  const told = reason === "diverged" && recovery !== null && key === null ? recovery : {};
  return { op, key: subscription.key, mode: "copy", from: key, reason, ...told };
}

/** From where a broken answer goes on. */
export function markCursor(space: string, progress: Progress): string {
  const { subscription, reason, at, pages, key, reached, page } = progress;
  const cursor: Cursor =
    reason === null
      ? { at, paged: { reached, page } }
      : { at, copy: { key: key ?? "", page, ...(pages === null && { tail: reached }) } };
  return formatCursor(space, subscription.coverage, cursor);
}

/** The cursor at the end of an answer, or none where the request's own stays good (P12). */
export function endCursor(space: string, progress: Progress, head: Point): string | undefined {
  const { subscription, reason, at } = progress;
  if (reason === null && at.revision === head.revision && progress.reached === at.revision) return undefined;
  return formatCursor(space, subscription.coverage, { at: head });
}
