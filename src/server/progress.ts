import { type Cursor, formatCursor, type PatternCursor, type Point } from "../model/cursor.ts";
import type { Key, Revision } from "../model/record.ts";
import type { Head, ScanQuery } from "../store/store.ts";
import type { CopyReason, SubscriptionLine } from "../wire/lines.ts";
import { Problem } from "../wire/problem.ts";
import {
  behindIn,
  changingIn,
  endPattern,
  firstSince,
  freshProgress,
  markPattern,
  type Pattern,
  type PatternProgress,
  resumed,
  toldUntil,
} from "./pattern.ts";
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
  /** Of a pattern; null: of one scope. */
  pattern: PatternProgress | null;
  /** How many records a copy has, about; null: it is not known without reading them (C15). */
  total: number | null;
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

/**
 * The store holds another history than that in which an answer began, or a connection was told the last: its database was
 * restored, or has failed over, under a server that went on. Whoever asks anew is told so (R2).
 */
export class OtherHistory extends Problem {
  constructor() {
    super("unavailable", "the server's data was put back to an older state: ask again", { retryAfter: 1 });
  }
}

/** Where an answer began, and its pages were read: all of one history. */
export function placesOf(progress: readonly Progress[]): readonly Point[] {
  return progress.flatMap(({ at, page }) => [at, page]);
}

/** - `pattern`: of the subscription, where it is one; as of the head or later. */
export function progressOf(
  subscription: Subscription,
  judgement: Judgement,
  head: Point,
  pattern: Pattern | null = null,
): Progress {
  if ("reason" in judgement) return copyOf(subscription, judgement.reason, head, pattern);
  const { cursor } = judgement;
  if (pattern === null) return goingOn(subscription, cursor, null);
  const held = resumed(pattern, cursor);
  if (held === null) return copyOf(subscription, "changed", head, pattern);
  const progress = goingOn(subscription, held.anew ? withoutDelta(cursor) : cursor, held.progress);
  const since = firstSince(pattern, toldUntil(cursor.pattern as PatternCursor));
  return since === null ? progress : { ...progress, reached: Math.min(progress.reached, since - 1) };
}

function copyOf(subscription: Subscription, reason: CopyReason, head: Point, pattern: Pattern | null): Progress {
  const start = { pages: { after: null }, key: null, reached: head.revision, page: head, total: null };
  return { subscription, reason, at: head, ...start, pattern: pattern && freshProgress(pattern) };
}

function goingOn(subscription: Subscription, { at, copy, paged }: Cursor, pattern: PatternProgress | null): Progress {
  if (copy !== undefined) {
    const { key, page, tail } = copy;
    const pages = tail === undefined ? { after: key } : null;
    const reached = tail ?? at.revision;
    return { subscription, reason: "new", at, pages, key, reached, page, pattern, total: null };
  }
  const reached = paged?.reached ?? at.revision;
  const page = paged?.page ?? at;
  return { subscription, reason: null, at, pages: null, key: null, reached, page, pattern, total: null };
}

/** The cursor as it was before a delta, also that which closes a copy, had brought anything. */
function withoutDelta({ paged: _, copy, ...cursor }: Cursor): Cursor {
  return copy === undefined ? cursor : { ...cursor, copy: { ...copy, tail: cursor.at.revision } };
}

/** Starts the copy over: the tombstones that its delta, or a plain delta, needs were cut meanwhile. */
export function startOver(progress: Progress, head: Point): void {
  const { subscription, total } = progress;
  const pattern = progress.pattern?.pattern ?? null;
  Object.assign(progress, copyOf(subscription, "expired", head, pattern), { total });
}

/** For each record that a scan may give, so that large records make short pages and not a full memory: 8 MiB for 1,000. */
export const SCANNED_BYTES = 8_389;

/** What changed in the subscription's scope since what the replica has. `bytes` of records at most, and a revision more. */
export function scanOf(
  { subscription, reached, pattern }: Progress,
  limit: number,
  bytes = limit * SCANNED_BYTES,
): ScanQuery {
  const { collections } = subscription.coverage;
  const scope = pattern === null ? subscription.coverage.scope : changingIn(pattern);
  return { kind: "scan", scope, collections, after: reached, limit, bytes };
}

/** What scopes that were added or dropped hold and held, from their beginning; null: the replica has been told of it. */
export function catchUpOf({ subscription, at, pattern }: Progress, limit: number): ScanQuery | null {
  if (pattern === null || pattern.caught >= at.revision) return null;
  const scope = behindIn(pattern);
  const { collections } = subscription.coverage;
  if (scope.length === 0) return null;
  return { kind: "scan", scope, collections, after: pattern.caught, limit, bytes: limit * SCANNED_BYTES };
}

/** Whether some of what is told of the subscription has been, in this answer or in the broken one that it continues. */
export function hasPages({ at, page }: Progress): boolean {
  return page !== at;
}

export function subscriptionLine(progress: Progress, recovery: Recovery | null): SubscriptionLine {
  const { subscription, reason, at, key, reached, total } = progress;
  const op = "subscription";
  if (reason === null) {
    const since = at.revision;
    return { op, key: subscription.key, mode: "delta", since, ...(hasPages(progress) && { reached }) };
  }
  const told = reason === "diverged" && recovery !== null && key === null ? recovery : {};
  return { op, key: subscription.key, mode: "copy", from: key, reason, ...(total !== null && { total }), ...told };
}

/** From where a broken answer goes on. */
export function markCursor(space: string, progress: Progress): string {
  const { subscription, reason, at, pages, key, reached, page } = progress;
  const pattern = progress.pattern && { pattern: markPattern(progress.pattern, reason !== null) };
  const cursor: Cursor =
    reason === null
      ? { at, ...pattern, paged: { reached, page } }
      : { at, ...pattern, copy: { key: key ?? "", page, ...(pages === null && { tail: reached }) } };
  return formatCursor(space, subscription.coverage, cursor);
}

/** The cursor at the end of an answer, or none where the request's own stays good (P12). */
export function endCursor(space: string, progress: Progress, head: Point): string | undefined {
  const { subscription, reason, at, pattern } = progress;
  const stays = reason === null && at.revision === head.revision && progress.reached === at.revision;
  if (stays && (pattern === null || behindIn(pattern).length === 0)) return undefined;
  const held = pattern && { pattern: endPattern(pattern, head.revision) };
  return formatCursor(space, subscription.coverage, { at: head, ...held });
}
