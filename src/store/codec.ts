import { changeHash, changeText, type Entry, type RecordChange, type SaltedChange } from "../model/entry.ts";
import type { Lanes } from "../model/fingerprint.ts";
import type { Outcome, RejectedCode, Superseded } from "../model/mutation.ts";
import type { Author, Revision, Row, Stamp } from "../model/record.ts";
import type { JsonObject } from "../util/json.ts";

/** An author as a store writes it: its name, or a number that stands for it. */
type Code = string | number;

/** `[atom, revision, author, revision in a lost history?]` */
type StoredStamp = readonly [string, Revision, Code, Revision?];

/**
 * Stamps as they are stored: only those that are not implied. Implied is, for each atom that the record has, the
 * stamp of its creation. Null where all are implied.
 */
export function encodeStamps(
  row: Pick<Row, "text" | "data" | "created" | "creator" | "stamps">,
  codeOf: (author: Author) => Code,
): string | null {
  if (row.text === null || row.stamps.size === 0) return null;
  const present = row.data ?? (JSON.parse(row.text) as object);
  const stored: StoredStamp[] = [];
  for (const [atom, stamp] of row.stamps) {
    const implied = stamp.revision === row.created && stamp.author === row.creator && stamp.lost === undefined;
    if (implied && Object.hasOwn(present, atom)) continue;
    const author = codeOf(stamp.author);
    stored.push(stamp.lost === undefined ? [atom, stamp.revision, author] : [atom, stamp.revision, author, stamp.lost]);
  }
  return stored.length === 0 ? null : JSON.stringify(stored);
}

export function decodeStamps<C extends Code>(
  row: { text: string | null; created: Revision; creator: C; stamps: string | null },
  authorOf: (code: C) => Author,
): ReadonlyMap<string, Stamp> {
  const stamps = new Map<string, Stamp>();
  if (row.text === null) return stamps;
  const implied: Stamp = { revision: row.created, author: authorOf(row.creator) };
  for (const atom of Object.keys(JSON.parse(row.text) as object)) if (atom !== "id") stamps.set(atom, implied);
  if (row.stamps === null) return stamps;
  for (const [atom, revision, author, lost] of JSON.parse(row.stamps) as StoredStamp[]) {
    const stamp = { revision, author: authorOf(author as C) };
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

/**
 * A change as it is stored: its salt, the revision of the record's change before it, 0 for none, and what `changeText`
 * gives; of one that was erased the hash that stood for it, without salt and values. An entry's changes lie in one text, so that a journal that is written and read in order costs one row an entry.
 */
export type StoredChange = readonly [salt: string, prior: Revision, change: ChangeParts, erased?: string];
type ChangeParts = readonly [
  collection: string,
  id: string,
  before: JsonObject | null,
  after: JsonObject | null,
  operators: JsonObject | null,
];

/**
 * The changes of an entry as one text. `changedBefore` gives the revision of the last change of a record before this
 * one, 0 for none: the links that history follows, so that the journal needs no index by record.
 */
export function encodeChanges(entry: Entry, changedBefore: (change: RecordChange) => Revision): string {
  const changes = entry.changes.map(({ change, salt }, i) => {
    const text = entry.texts?.[i] ?? changeText(change);
    return `["${salt}",${changedBefore(change)},${text}]`;
  });
  return `[${changes.join(",")}]`;
}

export function decodeChanges(text: string | null): readonly StoredChange[] {
  return JSON.parse(text ?? "[]") as StoredChange[];
}

export function saltedChanges(text: string | null): readonly SaltedChange[] {
  return decodeChanges(text).map(([salt, , parts, erased]) => {
    return { change: changeOf(parts), salt, ...(erased !== undefined && { erased }) };
  });
}

/** An entry's changes without the values of one record's, and the revision of the change before it; null: it has none. */
export function erasedChanges(
  text: string,
  collection: string,
  id: string,
): { readonly text: string; readonly prior: Revision } | null {
  const changes = decodeChanges(text);
  const at = changes.findIndex(([, , parts]) => parts[0] === collection && parts[1] === id);
  const found = changes[at];
  if (found === undefined) return null;
  const [salt, prior, parts, erased = changeHash({ change: changeOf(parts), salt })] = found;
  const left: StoredChange = ["", prior, [collection, id, null, null, null], erased];
  return { text: JSON.stringify(changes.with(at, left)), prior };
}

export function changeOf([collection, id, before, after, operators]: ChangeParts): RecordChange {
  return { collection, id, before, after, ...(operators === null ? {} : { operators }) };
}

/** What a rejection says whose message may have held a value that was erased (K2). */
export const ERASED_REJECTION = "What it said was erased.";
