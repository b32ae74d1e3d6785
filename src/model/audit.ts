import type { Horizon } from "./batch.ts";
import { chainHash, changeHash, GENESIS, type JournalEntry } from "./entry.ts";
import type { Revision } from "./record.ts";

/** How far a journal has been checked. */
export interface AuditPoint {
  readonly revision: Revision;
  /** Chain hash, 64 hex digits. */
  readonly hash: string;
  readonly time: number;
}

export interface AuditFinding {
  /** The first entry that is not as it was written. */
  readonly revision: Revision;
  readonly what: "changed" | "removed" | "reordered";
  readonly detail: string;
}

export interface Audit {
  readonly horizon: Horizon;
  /** The last entry that holds; the next run goes on from here. Null: none yet. */
  readonly point: AuditPoint | null;
  readonly finding: AuditFinding | null;
  /** Of the entries that hold: those whose content was proved, and those of which a cut has left only the hash (G1). */
  readonly proved: number;
  readonly stubs: number;
  /** Changes whose values were erased (K2): of each its hash is left, which its entry's hash covers. */
  readonly erased: number;
}

export function auditOf(horizon: Horizon): Audit {
  return { horizon, point: null, finding: null, proved: 0, stubs: 0, erased: 0 };
}

/**
 * Checks a run of journal entries, the lowest first, against the chain (K1), from where `audit` stands. It ends at the
 * first finding. Below the journal's horizon only number, time and hash are left: such stubs are taken as they are, and
 * the first whole entry behind them proves the last of them.
 *
 * @example
 * let audit = auditOf(head.horizon);
 * for (const run of runs) audit = auditRun(audit, run);
 * audit = auditEnd(audit, head);
 */
export function auditRun(audit: Audit, entries: readonly JournalEntry[]): Audit {
  if (audit.finding !== null) return audit;
  let { point, proved, stubs, erased } = audit;
  for (const [i, entry] of entries.entries()) {
    const finding =
      misplaced(audit.horizon, point, entries, i) ??
      (entry.cut ? emptied(audit.horizon, entry) : changed(point, entry));
    if (finding !== null) return { ...audit, point, finding, proved, stubs, erased };
    point = { revision: entry.revision, hash: entry.hash, time: entry.time };
    if (entry.cut) stubs++;
    else {
      proved++;
      erased += entry.changes.filter((change) => change.erased !== undefined).length;
    }
  }
  return { ...audit, point, proved, stubs, erased };
}

/** Checks that the journal ends where the space's head says. */
export function auditEnd(audit: Audit, head: { readonly revision: Revision; readonly hash: string }): Audit {
  if (audit.finding !== null) return audit;
  const revision = audit.point?.revision ?? 0;
  const hash = audit.point?.hash ?? GENESIS;
  if (revision < head.revision) {
    const next = nextOf(audit.horizon, audit.point);
    return { ...audit, finding: { revision: next, what: "removed", detail: `the head is ${head.revision}` } };
  }
  if (hash === head.hash && revision === head.revision) return audit;
  return { ...audit, finding: { revision, what: "changed", detail: "its hash is not the one of the head" } };
}

/** The revision that has to follow. Of what has gone with the tombstones only the horizon's own entry is kept. */
function nextOf(horizon: Horizon, point: AuditPoint | null): Revision {
  return point === null ? Math.max(1, horizon.tombstones) : point.revision + 1;
}

function misplaced(
  horizon: Horizon,
  point: AuditPoint | null,
  entries: readonly JournalEntry[],
  at: number,
): AuditFinding | null {
  const entry = entries[at] as JournalEntry;
  // A cut under way has not removed all of them yet, the lowest first.
  const going = point === null && entry.cut && entry.revision <= horizon.tombstones;
  const expected = going ? entry.revision : nextOf(horizon, point);
  if (entry.revision === expected) return null;
  const reordered = entry.revision < expected || entries.slice(at).some(({ revision }) => revision === expected);
  const what = reordered ? "reordered" : "removed";
  return { revision: expected, what, detail: `entry ${entry.revision} stands where ${expected} has to` };
}

function emptied(horizon: Horizon, { revision }: JournalEntry): AuditFinding | null {
  if (revision <= horizon.journal) return null;
  return {
    revision,
    what: "removed",
    detail: `its content is gone, although the journal is kept after ${horizon.journal}`,
  };
}

function changed(point: AuditPoint | null, entry: JournalEntry & { cut: false }): AuditFinding | null {
  if (point !== null && entry.time < point.time) {
    return { revision: entry.revision, what: "changed", detail: "its time is before that of the entry before it" };
  }
  if (chainHash(entry, entry.changes.map(changeHash), point?.hash ?? GENESIS) === entry.hash) return null;
  return {
    revision: entry.revision,
    what: "changed",
    detail: "its content and the hash before it do not give its hash",
  };
}
