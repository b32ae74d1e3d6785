import { changeHash, changeText, type Entry, type RecordChange, type SaltedChange } from "../model/entry.ts";
import type { Lanes } from "../model/fingerprint.ts";
import type { Outcome, RejectedCode, Superseded } from "../model/mutation.ts";
import { type Origins, originName, originNamed } from "../model/origin.ts";
import type { Author, Origin, Revision, Row, Stamp } from "../model/record.ts";
import type { JsonObject } from "../util/json.ts";

/** An author as a store writes it: its name, or a number that stands for it. */
type Code = string | number;

/** `[atom, revision, author, revision in a lost history or null?, origin?]` */
type StoredStamp = readonly [string, Revision, Code, (Revision | null)?, StoredOrigin?];
/** `[revision, user and client and server, mutation?]` */
type StoredOrigin = readonly [Revision, Code, number?];

/** In the place of an atom's name: the stamp that is implied, where it has an origin. */
const IMPLIED = "";

/**
 * Stamps as they are stored: only those that are not implied. Implied is, for each atom that the record has, the
 * stamp of its creation; its origin is that of the first such atom. Null where all are implied, and have no origin.
 */
export function encodeStamps(
  row: Pick<Row, "text" | "data" | "created" | "creator" | "stamps">,
  codeOf: (author: Author) => Code,
): string | null {
  if (row.text === null || row.stamps.size === 0) return null;
  const present = row.data ?? (JSON.parse(row.text) as object);
  const stored: StoredStamp[] = [];
  let origin: Origin | null | undefined = null;
  for (const [atom, stamp] of row.stamps) {
    const made = stamp.revision === row.created && stamp.author === row.creator && stamp.lost === undefined;
    if (made && Object.hasOwn(present, atom)) {
      if (origin === null) {
        origin = stamp.origin;
        if (origin !== undefined) stored.push(storedStamp(IMPLIED, stamp, codeOf));
      }
      if (isSameOrigin(origin, stamp.origin)) continue;
    }
    stored.push(storedStamp(atom, stamp, codeOf));
  }
  return stored.length === 0 ? null : JSON.stringify(stored);
}

function storedStamp(
  atom: string,
  { revision, author, lost, origin }: Stamp,
  codeOf: (author: Author) => Code,
): StoredStamp {
  const code = codeOf(author);
  if (origin === undefined) return lost === undefined ? [atom, revision, code] : [atom, revision, code, lost];
  const { mutation } = origin;
  const name = codeOf(originName(origin));
  const from: StoredOrigin = mutation === undefined ? [origin.revision, name] : [origin.revision, name, mutation];
  return [atom, revision, code, lost ?? null, from];
}

function isSameOrigin(a: Origin | undefined, b: Origin | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return a.revision === b.revision && a.mutation === b.mutation && originName(a) === originName(b);
}

export function decodeStamps<C extends Code>(
  row: { text: string | null; created: Revision; creator: C; stamps: string | null },
  authorOf: (code: C) => Author,
): ReadonlyMap<string, Stamp> {
  const stamps = new Map<string, Stamp>();
  if (row.text === null) return stamps;
  const stored = row.stamps === null ? [] : (JSON.parse(row.stamps) as StoredStamp[]);
  const first = stored.find(([atom]) => atom === IMPLIED);
  const made: Stamp = { revision: row.created, author: authorOf(row.creator) };
  const implied = first === undefined ? made : stampOf(first, authorOf);
  for (const atom of Object.keys(JSON.parse(row.text) as object)) if (atom !== "id") stamps.set(atom, implied);
  for (const each of stored) if (each !== first) stamps.set(each[0], stampOf(each, authorOf));
  return stamps;
}

function stampOf<C extends Code>(
  [, revision, author, lost, origin]: StoredStamp,
  authorOf: (code: C) => Author,
): Stamp {
  const stamp: Stamp = { revision, author: authorOf(author as C) };
  const whole = lost === undefined || lost === null ? stamp : { ...stamp, lost };
  if (origin === undefined) return whole;
  const [at, name, mutation] = origin;
  return { ...whole, origin: originNamed(authorOf(name as C), at, mutation) };
}

/** The same stamps as another store writes them, which has other codes for authors. */
export function recodedStamps<C extends Code>(stamps: string, codeOf: (code: C) => Code): string {
  const recoded = (JSON.parse(stamps) as StoredStamp[]).map(([atom, revision, author, ...more]) => {
    const [lost, origin] = more;
    const code = codeOf(author as C);
    if (origin === undefined) return [atom, revision, code, ...more];
    const [at, name, ...mutation] = origin;
    return [atom, revision, code, lost ?? null, [at, codeOf(name as C), ...mutation]];
  });
  return JSON.stringify(recoded);
}

/** The atoms whose stamp is greater than a revision, without those of a record whose creation is not. */
export function changedSince(
  row: { text: string | null; created: Revision; stamps: string | null },
  revision: Revision,
): string[] {
  if (row.text === null) return [];
  const all = row.stamps === null ? [] : (JSON.parse(row.stamps) as StoredStamp[]);
  const stored = all.filter(([atom]) => atom !== IMPLIED);
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
  origin?: Origins,
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

export function changeOf([collection, id, before, after, operators, origin]: ChangeParts): RecordChange {
  return {
    ...{ collection, id, before, after },
    ...(operators === null ? {} : { operators }),
    ...(origin === undefined ? {} : { origin }),
  };
}

/** What a rejection says whose message may have held a value that was erased (K2). */
export const ERASED_REJECTION = "What it said was erased.";
