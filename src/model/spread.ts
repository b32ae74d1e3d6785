import { sha256Hex } from "../util/sha256.ts";
import type { Membership, Revision } from "./record.ts";

/** A scope with the revision since which there is such a scope. */
export interface Aged {
  readonly scope: string;
  readonly since: Revision;
}

/**
 * Which of the scopes that match a pattern a replica was told of (P14), in the few bytes of a cursor. Scopes of a space come
 * one after the other and are never forgotten, so that each has a place in that order for good.
 */
export interface Covered {
  /** The order reached to this revision. */
  readonly known: Revision;
  /** Of the names, 12 hex digits. */
  readonly digest: string;
  /** How many scopes of the order in turn were not covered, and were; null: too many to be written down. */
  readonly runs: readonly number[] | null;
}

/** Runs of a cursor, which then has some hundred characters more. */
const MOST_RUNS = 300;

/** - `all`: those that match, in their order. */
export function coveredOf(all: readonly Aged[], readable: ReadonlySet<string>, known: Revision): Covered {
  const runs: number[] = [];
  let taken = false;
  let run = 0;
  for (const { scope, since } of all) {
    if (since > known) break;
    if (readable.has(scope) !== taken) {
      runs.push(run);
      run = 0;
      taken = !taken;
    }
    run++;
  }
  if (taken) runs.push(run);
  return { known, digest: namesDigest(all, readable, known), runs: runs.length > MOST_RUNS ? null : runs };
}

/** Of those of the scopes that were there at a revision. */
export function namesDigest(all: readonly Aged[], readable: ReadonlySet<string>, known: Revision): string {
  const names = all.filter(({ scope, since }) => since <= known && readable.has(scope)).map(({ scope }) => scope);
  return sha256Hex(names.join(" ")).slice(0, 12);
}

/** The scopes that were covered; null where that cannot be told. */
export function scopesCovered({ known, digest, runs }: Covered, all: readonly Aged[]): ReadonlySet<string> | null {
  if (runs === null) return null;
  const covered = new Set<string>();
  let at = 0;
  for (const [i, run] of runs.entries()) {
    for (const { scope } of i % 2 === 1 ? all.slice(at, at + run) : []) covered.add(scope);
    at += run;
  }
  return namesDigest(all, covered, known) === digest ? covered : null;
}

/** What has become of the scopes that a replica was told of. */
export interface Spread {
  /** It was told of them, or they are newer than that, so that all that they hold came later. */
  readonly kept: ReadonlySet<string>;
  /** They were there, and it has not been told of what they hold. */
  readonly added: ReadonlySet<string>;
  /** It was told of them, and may read them no more. */
  readonly dropped: ReadonlySet<string>;
}

/** Null where it cannot be told. */
export function spreadOf(covered: Covered, all: readonly Aged[], readable: ReadonlySet<string>): Spread | null {
  const nothing = new Set<string>();
  const before = scopesCovered(covered, all);
  if (before === null) {
    const same = namesDigest(all, readable, covered.known) === covered.digest;
    return same ? { kept: readable, added: nothing, dropped: nothing } : null;
  }
  const old = all.filter(({ scope, since }) => since <= covered.known && readable.has(scope) && !before.has(scope));
  const added = new Set(old.map(({ scope }) => scope));
  return {
    kept: new Set([...readable].filter((scope) => !added.has(scope))),
    added,
    dropped: new Set([...before].filter((scope) => !readable.has(scope))),
  };
}

const NEVER = Number.POSITIVE_INFINITY;

/**
 * A record's membership in all the scopes together, as a replica sees it (P2, P14): it is in while one of them holds it, and
 * came in where a time without a gap began, in scopes that the replica was told of. Of each scope only the last time is
 * known: a record that went and came back may seem to have come in later than it did, and is sent whole.
 * - `paged`: pages have been shown, so that it may hold records of added scopes as well.
 */
export function jointMembership(
  members: ReadonlyMap<string, Membership>,
  { kept, added, dropped }: Spread,
  paged: boolean,
): Pick<Membership, "entered" | "first" | "present"> {
  let entered = NEVER;
  let first = NEVER;
  let present = false;
  const left: Membership[] = [];
  for (const [scope, member] of members) {
    const isKept = kept.has(scope);
    const isAdded = !isKept && added.has(scope);
    if (isKept || dropped.has(scope) || (isAdded && paged)) first = Math.min(first, member.first);
    if (member.present) present ||= isKept || isAdded;
    if (!isKept) continue;
    if (member.present) entered = Math.min(entered, member.entered);
    else left.push(member);
  }
  // Who left one of them when, or after, the time in another began was in without a gap.
  for (const { entered: came, revision: went } of left.sort((a, b) => b.revision - a.revision)) {
    if (entered !== NEVER && went >= entered) entered = Math.min(entered, came);
  }
  return { entered, first, present };
}
