import type { Cursor, PatternCursor } from "../model/cursor.ts";
import type { Membership, Revision } from "../model/record.ts";
import {
  type Aged,
  type Covered,
  coveredOf,
  jointMembership,
  namesDigest,
  type Spread,
  spreadOf,
} from "../model/spread.ts";
import type { ScanChange } from "../store/store.ts";

/** The scopes that a pattern stands for in one answer (P14): those of its name that the caller may read. */
export interface Pattern {
  readonly prefix: string;
  /** All of its name, in their order, up to the revision `known`. */
  readonly all: readonly Aged[];
  readonly known: Revision;
  readonly readable: ReadonlySet<string>;
}

/** How far an answer has brought a pattern: what is told of its scopes, beside what is told of any subscription. */
export interface PatternProgress extends Spread {
  readonly pattern: Pattern;
  /** The scopes of which the replica was told, as its next mark is to say. */
  readonly covered: Covered;
  /** Up to which revision added and dropped scopes have been told of. */
  readonly caught: Revision;
}

export function patternOf(
  prefix: string,
  all: readonly Aged[],
  known: Revision,
  may: (scope: string) => boolean,
): Pattern {
  return { prefix, all, known, readable: new Set(all.filter(({ scope }) => may(scope)).map(({ scope }) => scope)) };
}

const NOTHING: ReadonlySet<string> = new Set();

/** For a replica that holds nothing. */
export function freshProgress(pattern: Pattern): PatternProgress {
  const covered = coveredOf(pattern.all, pattern.readable, pattern.known);
  return { pattern, covered, kept: pattern.readable, added: NOTHING, dropped: NOTHING, caught: 0 };
}

/**
 * Goes on from a cursor whose history can be followed.
 * - `anew`: what its answer under way has brought leads elsewhere, and does not count.
 * Null: which scopes it covered cannot be told, or a copy would have to be changed for the second time: it is copied anew.
 */
export function resumed(
  pattern: Pattern,
  { pattern: held, copy }: Cursor,
): { readonly progress: PatternProgress; readonly anew: boolean } | null {
  if (held === undefined) return null;
  const { covered, target } = held;
  const spread = spreadOf(covered, pattern.all, pattern.readable);
  if (spread === null) return null;
  const progress = { pattern, covered, ...spread, caught: 0 };
  const settled = spread.added.size + spread.dropped.size === 0;
  if (target === undefined) return { progress, anew: copy?.tail !== undefined && !settled };
  const same = namesDigest(pattern.all, pattern.readable, target.known) === target.digest;
  if (same) return { progress: { ...progress, caught: target.caught }, anew: false };
  return copy === undefined ? { progress, anew: true } : null;
}

/** The revision after which scopes are newer than all that an answer under way has been told of. */
export function toldUntil({ covered, target }: PatternCursor): Revision {
  return target?.known ?? covered.known;
}

/** The first revision of the readable scopes that came after another revision; null: there are none. */
export function firstSince({ all, readable }: Pattern, known: Revision): Revision | null {
  return all.find(({ scope, since }) => since > known && readable.has(scope))?.since ?? null;
}

/** With scopes that came since it was last looked: all that they hold is newer than what the replica was told of. */
export function extended(
  progress: PatternProgress,
  fresh: readonly Aged[],
  known: Revision,
  may: (scope: string) => boolean,
): PatternProgress {
  const { prefix, all, readable } = progress.pattern;
  const granted = fresh.map(({ scope }) => scope).filter(may);
  const pattern = { prefix, all: [...all, ...fresh], known, readable: new Set([...readable, ...granted]) };
  return { ...progress, pattern, kept: new Set([...progress.kept, ...granted]) };
}

/** Added and dropped scopes, of which the replica has to be told from their beginning. */
export function behindIn({ added, dropped }: Spread): readonly string[] {
  return [...added, ...dropped];
}

/** All scopes whose changes a replica has to be told of. */
export function changingIn({ kept, added, dropped }: Spread): readonly string[] {
  return [...kept, ...added, ...dropped];
}

export function markPattern(progress: PatternProgress, copying: boolean): PatternCursor {
  const { pattern, covered, caught } = progress;
  const { all, readable, known } = pattern;
  // The pages of a copy show whatever is readable, so that its mark covers that: unless it covered something else before.
  if (copying && behindIn(progress).length === 0) return { covered: coveredOf(all, readable, known) };
  return { covered, target: { digest: namesDigest(all, readable, known), known, caught } };
}

export function endPattern({ pattern: { all, readable } }: PatternProgress, known: Revision): PatternCursor {
  return { covered: coveredOf(all, readable, known) };
}

/** A change as the replica sees it, in all scopes together. */
export function jointly(change: ScanChange, progress: Spread, paged: boolean): ScanChange {
  const members = change.members ?? new Map<string, Membership>();
  const { collection, id, text, erased } = change;
  const member = { ...change.member, ...jointMembership(members, progress, paged) };
  return { collection, id, text, erased, member, changedSince: (revision) => change.changedSince(revision) };
}
