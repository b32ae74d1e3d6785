import type { Lanes } from "../../model/fingerprint.ts";
import type { Outcome, RejectedCode, Superseded } from "../../model/mutation.ts";
import type { Author, Revision, Row, Stamp } from "../../model/record.ts";
import type { Names } from "./names.ts";

/** `[atom, revision, author's number, revision in a lost history?]` */
type StoredStamp = readonly [string, Revision, number, Revision?];

/**
 * Stamps as they are stored: only those that are not implied. Implied is, for each atom that the record has, the
 * stamp of its creation. Null where all are implied.
 */
export function encodeStamps(
  row: Pick<Row, "text" | "data" | "created" | "creator" | "stamps">,
  numberOf: (author: Author) => number,
): string | null {
  if (row.text === null || row.stamps.size === 0) return null;
  const present = row.data ?? (JSON.parse(row.text) as object);
  const stored: StoredStamp[] = [];
  for (const [atom, stamp] of row.stamps) {
    const implied = stamp.revision === row.created && stamp.author === row.creator && stamp.lost === undefined;
    if (implied && Object.hasOwn(present, atom)) continue;
    const author = numberOf(stamp.author);
    stored.push(stamp.lost === undefined ? [atom, stamp.revision, author] : [atom, stamp.revision, author, stamp.lost]);
  }
  return stored.length === 0 ? null : JSON.stringify(stored);
}

export function decodeStamps(
  row: { text: string | null; created: Revision; creator: number; stamps: string | null },
  names: Names,
): ReadonlyMap<string, Stamp> {
  const stamps = new Map<string, Stamp>();
  if (row.text === null) return stamps;
  const implied: Stamp = { revision: row.created, author: names.text(row.creator) };
  for (const atom of Object.keys(JSON.parse(row.text) as object)) if (atom !== "id") stamps.set(atom, implied);
  if (row.stamps === null) return stamps;
  for (const [atom, revision, author, lost] of JSON.parse(row.stamps) as StoredStamp[]) {
    const stamp = { revision, author: names.text(author) };
    stamps.set(atom, lost === undefined ? stamp : { ...stamp, lost });
  }
  return stamps;
}

/** The atoms whose stamp is greater than a revision, without those of a record whose creation is not. */
export function changedSince(
  row: { text: string | null; created: Revision; stamps: string | null },
  revision: Revision,
): string[] {
  if (row.text === null) return [];
  const stored = row.stamps === null ? [] : (JSON.parse(row.stamps) as StoredStamp[]);
  const changed = stored.filter(([, written]) => written > revision).map(([atom]) => atom);
  if (row.created <= revision) return changed;
  const own = new Set(["id", ...stored.map(([atom]) => atom)]);
  return [...changed, ...Object.keys(JSON.parse(row.text) as object).filter((atom) => !own.has(atom))];
}

export interface LaneColumns {
  readonly lane0: number;
  readonly lane1: number;
  readonly lane2: number;
  readonly lane3: number;
}

/** Lanes from columns that may be signed, or sums that lie beyond 2^32. */
export function lanesOf(row: LaneColumns): Lanes {
  return [row.lane0 >>> 0, row.lane1 >>> 0, row.lane2 >>> 0, row.lane3 >>> 0];
}

/** What an outcome says beyond its status and revision, as JSON; null: nothing. */
export function outcomeDetail(outcome: Outcome): string | null {
  if (outcome.status === "superseded") return JSON.stringify(outcome.superseded);
  if (outcome.status === "rejected") return JSON.stringify([outcome.code, outcome.message, outcome.path]);
  return null;
}

export function outcomeOf(row: { id: number; status: string; revision: Revision; detail: string | null }): Outcome {
  const { id, revision, detail } = row;
  if (row.status === "superseded") {
    return { id, status: "superseded", revision, superseded: JSON.parse(detail ?? "[]") as Superseded[] };
  }
  if (row.status === "rejected") {
    const [code, message, path] = JSON.parse(detail as string) as [RejectedCode, string, string];
    return { id, status: "rejected", revision, code, message, path };
  }
  return { id, status: row.status as "applied" | "unknown", revision };
}
