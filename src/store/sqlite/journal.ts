import { type Entry, GENESIS, type RecordChange, type SaltedChange } from "../../model/entry.ts";
import type { Revision } from "../../model/record.ts";
import type { JsonObject } from "../../util/json.ts";
import type { AtQuery, HistoryItem, HistoryQuery, JournalEntry, JournalQuery } from "../store.ts";
import type { Connection } from "./connection.ts";
import type { Space } from "./space.ts";

interface EntryRow {
  readonly revision: Revision;
  readonly time: number;
  readonly hash: string;
  readonly author: number | null;
  readonly mutation: number | null;
}

interface ChangeRow {
  readonly revision: Revision;
  readonly collection: number;
  readonly id: string;
  readonly prior: Revision;
  readonly salt: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly operators: string | null;
}

/**
 * Adds an entry. `changedBefore` gives the revision of the last change of a record before this one, 0 for none: the
 * links that history follows, so that the journal needs no index by record.
 */
export function appendEntry(
  connection: Connection,
  space: number,
  entry: Entry,
  changedBefore: (change: RecordChange) => Revision,
): void {
  const { names } = connection;
  connection.run(
    "INSERT INTO entry (space, revision, time, hash, author, mutation) VALUES (?, ?, ?, unhex(?), ?, ?)",
    space,
    entry.revision,
    entry.time,
    entry.hash,
    names.intern(space, "author", entry.author),
    entry.mutation,
  );
  entry.changes.forEach(({ change, salt }, position) => {
    connection.run(
      `INSERT INTO change (space, revision, position, collection, id, prior, salt, before, after, operators)
       VALUES (?, ?, ?, ?, ?, ?, unhex(?), ?, ?, ?)`,
      space,
      entry.revision,
      position,
      names.intern(space, "collection", change.collection),
      change.id,
      changedBefore(change),
      salt,
      textOf(change.before),
      textOf(change.after),
      textOf(change.operators ?? null),
    );
  });
}

export function readJournal(connection: Connection, space: Space, query: JournalQuery): readonly JournalEntry[] {
  const rows = connection.all<EntryRow>(
    "SELECT revision, time, lower(hex(hash)) AS hash, author, mutation FROM entry WHERE space = ? AND revision > ? ORDER BY revision LIMIT ?",
    space.id,
    query.after,
    query.limit,
  );
  const changes = readChanges(connection, space.id, rows[0]?.revision ?? 0, rows.at(-1)?.revision ?? 0);
  return rows.map((row): JournalEntry => {
    const { revision, time, hash } = row;
    if (revision <= space.head.horizon.journal) return { revision, time, hash, cut: true };
    const author = connection.names.text(row.author as number);
    return {
      revision,
      time,
      hash,
      author,
      mutation: row.mutation as number,
      changes: changes.get(revision) ?? [],
      cut: false,
    };
  });
}

function readChanges(
  connection: Connection,
  space: number,
  from: Revision,
  to: Revision,
): ReadonlyMap<Revision, readonly SaltedChange[]> {
  const rows = connection.all<ChangeRow>(
    `SELECT revision, collection, id, prior, lower(hex(salt)) AS salt, before, after, operators FROM change
     WHERE space = ? AND revision BETWEEN ? AND ? ORDER BY revision, position`,
    space,
    from,
    to,
  );
  const changes = new Map<Revision, SaltedChange[]>();
  for (const row of rows) {
    const found = changes.get(row.revision);
    const salted = { change: changeOf(connection, row), salt: row.salt };
    if (found) found.push(salted);
    else changes.set(row.revision, [salted]);
  }
  return changes;
}

export function readHistory(connection: Connection, space: Space, query: HistoryQuery): readonly HistoryItem[] {
  const collection = connection.names.find(space.id, "collection", query.collection);
  if (collection === undefined) return [];
  const record = connection.one<{ revision: Revision }>(
    "SELECT revision FROM record WHERE space = ? AND collection = ? AND id = ?",
    space.id,
    collection,
    query.id,
  );
  const items: HistoryItem[] = [];
  let revision = record?.revision ?? 0;
  while (revision > space.head.horizon.journal && items.length < query.limit) {
    const row = connection.one<ChangeRow & EntryRow>(
      `SELECT revision, time, author, mutation, collection, id, prior, before, after, operators
       FROM change JOIN entry USING (space, revision)
       WHERE space = ? AND revision = ? AND collection = ? AND id = ?`,
      space.id,
      revision,
      collection,
      query.id,
    );
    if (row === undefined) break;
    const author = connection.names.text(row.author as number);
    const change = changeOf(connection, row);
    items.push({ revision, time: row.time, author, mutation: row.mutation as number, change });
    revision = row.prior;
  }
  return items;
}

/** The chain hashes that are still known. */
export function readHashes(
  connection: Connection,
  space: number,
  revisions: readonly Revision[],
): ReadonlyMap<Revision, string> {
  const hashes = new Map<Revision, string>();
  for (const revision of revisions) {
    const row = connection.one<{ hash: string }>(
      "SELECT lower(hex(hash)) AS hash FROM entry WHERE space = ? AND revision = ?",
      space,
      revision,
    );
    if (row) hashes.set(revision, row.hash);
    else if (revision === 0) hashes.set(0, GENESIS);
  }
  return hashes;
}

/**
 * The last revision at or before a time. The empty space stands before the first entry, as long as that one is
 * known. Times never run backwards (M6), so a binary search over the revisions finds it without an index by time.
 */
export function readAt(
  connection: Connection,
  space: Space,
  query: AtQuery,
): { revision: Revision; hash: string; time: number } | null {
  const entryAt = (revision: Revision) =>
    connection.one<EntryRow>(
      "SELECT revision, time, lower(hex(hash)) AS hash FROM entry WHERE space = ? AND revision = ?",
      space.id,
      revision,
    );
  let found: EntryRow | undefined;
  let low = space.head.horizon.tombstones;
  let high = space.head.revision;
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const entry = entryAt(middle);
    if (entry === undefined || entry.time <= query.time) {
      found = entry;
      low = middle + 1;
    } else high = middle - 1;
  }
  if (found) return { revision: found.revision, hash: found.hash, time: found.time };
  return space.head.horizon.tombstones === 0 ? { revision: 0, hash: GENESIS, time: 0 } : null;
}

function changeOf(connection: Connection, row: Omit<ChangeRow, "salt">): RecordChange {
  return {
    collection: connection.names.text(row.collection),
    id: row.id,
    before: jsonOf(row.before),
    after: jsonOf(row.after),
    ...(row.operators === null ? {} : { operators: jsonOf(row.operators) as JsonObject }),
  };
}

function textOf(value: JsonObject | null): string | null {
  return value === null ? null : JSON.stringify(value);
}

function jsonOf(text: string | null): JsonObject | null {
  return text === null ? null : (JSON.parse(text) as JsonObject);
}
