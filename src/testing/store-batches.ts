import { NO_FAMILIES } from "../model/batch.ts";
import { chainHash, changeHash, type Entry, type RecordChange, type SaltedChange } from "../model/entry.ts";
import { digestOf, type Lanes, NO_LANES, subtractLanes } from "../model/fingerprint.ts";
import {
  type Author,
  authorOf,
  type Key,
  keyOf,
  type Membership,
  type Revision,
  type Row,
  type Stamp,
} from "../model/record.ts";
import type { Batch, ClientRow, Loaded, OutcomeRow, Wanted } from "../store/store.ts";
import { canonical, type Json, type JsonObject } from "../util/json.ts";

/** What a transaction makes of one record: all its atoms, and the scopes that hold it; null deletes it. */
export interface Put {
  readonly collection: string;
  readonly id: string;
  readonly record: {
    readonly atoms: JsonObject;
    readonly scopes: readonly string[];
    readonly parent?: Key | undefined;
  } | null;
}

export interface Transaction {
  readonly puts: readonly Put[];
  readonly author?: Author;
  readonly time?: number;
  readonly mutation?: number;
}

/** What a batch holds beside its transactions. */
export interface Beside {
  readonly clients?: readonly ClientRow[];
  readonly outcomes?: readonly OutcomeRow[];
  readonly clear?: NonNullable<Batch["clear"]>;
  readonly notes?: NonNullable<Batch["notes"]>;
  readonly erased?: NonNullable<Batch["erased"]>;
}

export const ANN: Author = authorOf("ann", "c-1");
export const BOB: Author = authorOf("bob", "c-2");
const SALT = "5a17".repeat(8);

export function put(
  collection: string,
  id: string,
  atoms: JsonObject,
  scopes: readonly string[] = [],
  parent?: Key,
): Put {
  return { collection, id, record: { atoms, scopes, parent } };
}

export function remove(collection: string, id: string): Put {
  return { collection, id, record: null };
}

/** What has to be loaded for transactions, and whatever else is asked for. */
export function wantedFor(transactions: readonly Transaction[], more: Partial<Wanted> = {}): Wanted {
  const keys = transactions.flatMap(({ puts }) => puts.map(({ collection, id }) => keyOf(collection, id)));
  return {
    keys: new Set(keys),
    families: NO_FAMILIES,
    authors: new Set(),
    outcomes: [],
    hashes: [],
    create: true,
    ...more,
  };
}

/**
 * The batch of some transactions: what `decide` makes of pushes, without its rules, so that a store can be tried
 * without them. Every put is a change, and so is a removal of what is there; nothing is ever superseded.
 */
export function batchOf(loaded: Loaded, transactions: readonly Transaction[], beside: Beside = {}): Batch {
  const rows = new Map<Key, Row>();
  const entries: Entry[] = [];
  let { revision, hash, time } = loaded.head;
  for (const transaction of transactions) {
    revision++;
    time = Math.max(time, transaction.time ?? time);
    const author = transaction.author ?? ANN;
    const changes: SaltedChange[] = [];
    for (const change of transaction.puts) {
      const key = keyOf(change.collection, change.id);
      const before = rows.get(key) ?? loaded.rows.get(key);
      if (change.record === null && !before?.text) continue;
      const after = rowAfter(before, change, revision, author);
      rows.set(key, after);
      changes.push({ change: changeOf(before, after), salt: SALT });
    }
    const entry = { revision, time, author, mutation: transaction.mutation ?? revision };
    hash = chainHash(entry, changes.map(changeHash), hash);
    entries.push({ ...entry, changes, hash });
  }
  const fingerprints = [...rows].flatMap(([key, row]) => movedFingerprints(loaded.rows.get(key), row));
  return { entries, rows: [...rows.values()], fingerprints, clients: [], outcomes: [], ...beside };
}

function rowAfter(before: Row | undefined, { collection, id, record }: Put, revision: Revision, author: Author): Row {
  const there = before !== undefined && before.text !== null;
  const created = there ? before.created : revision;
  const creator = there ? before.creator : author;
  const scopes = membersAfter(before?.scopes, record === null ? [] : ["*", ...record.scopes], revision);
  if (record === null) {
    const gone = { text: null, stamps: new Map(), parent: null, digest: NO_LANES };
    return { collection, id, revision, created, creator, ...gone, scopes };
  }
  const text = canonical({ ...record.atoms, id });
  const stamps = new Map<string, Stamp>(there ? before.stamps : []);
  const old = atomsOf(before);
  for (const atom of new Set([...Object.keys(old), ...Object.keys(record.atoms)])) {
    const same = canonical(old[atom] ?? null) === canonical(record.atoms[atom] ?? null);
    if (!same || !stamps.has(atom)) stamps.set(atom, { revision, author });
  }
  const { parent = null } = record;
  return {
    collection,
    id,
    revision,
    created,
    creator,
    text,
    stamps,
    parent,
    digest: digestOf(collection, text),
    scopes,
  };
}

function membersAfter(
  before: ReadonlyMap<string, Membership> | undefined,
  scopes: readonly string[],
  revision: Revision,
): Map<string, Membership> {
  const after = new Map<string, Membership>(before);
  for (const [scope, member] of after) {
    if (member.present && !scopes.includes(scope)) after.set(scope, { ...member, revision, present: false });
  }
  for (const scope of scopes) {
    const member = before?.get(scope);
    const entered = member?.present ? member.entered : revision;
    after.set(scope, { revision, entered, first: member?.first ?? revision, present: true });
  }
  return after;
}

function changeOf(before: Row | undefined, after: Row): RecordChange {
  const old = before?.text ? atomsOf(before) : null;
  const now = after.text === null ? null : atomsOf(after);
  return { collection: after.collection, id: after.id, before: old, after: now };
}

function atomsOf(row: Row | undefined): Record<string, Json> {
  if (!row?.text) return {};
  const { id: _, ...atoms } = JSON.parse(row.text) as Record<string, Json>;
  return atoms;
}

/** What a row's change adds to the fingerprints of the scopes that held it and of those that hold it. */
function movedFingerprints(before: Row | undefined, after: Row): Batch["fingerprints"][number][] {
  const scopes = new Set([...(before?.scopes.keys() ?? []), ...after.scopes.keys()]);
  return [...scopes].map((scope) => {
    const old = heldIn(before, scope);
    const now = heldIn(after, scope);
    const add = { count: now.count - old.count, lanes: subtractLanes(now.lanes, old.lanes) };
    return { scope, collection: after.collection, add };
  });
}

function heldIn(row: Row | undefined, scope: string): { count: number; lanes: Lanes } {
  return row?.scopes.get(scope)?.present ? { count: 1, lanes: row.digest } : { count: 0, lanes: NO_LANES };
}
