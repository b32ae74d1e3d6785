import { type Entry, GENESIS, type RecordChange } from "../../model/entry.ts";
import type { Revision } from "../../model/record.ts";
import { changeOf, decodeChanges, encodeChanges, saltedChanges } from "../codec.ts";
import type { AtQuery, HistoryItem, HistoryQuery, JournalEntry, JournalQuery } from "../store.ts";
import type { Connection } from "./connection.ts";
import type { Space } from "./space.ts";

interface EntryRow {
  readonly revision: Revision;
  readonly time: number;
  readonly hash: string;
  readonly author: number | null;
  readonly mutation: number | null;
  readonly changes: string | null;
}

export function appendEntry(
  connection: Connection,
  space: number,
  entry: Entry,
  changedBefore: (change: RecordChange) => Revision,
): void {
  connection.run(
    "INSERT INTO entry (space, revision, time, hash, author, mutation, changes) VALUES (?, ?, ?, unhex(?), ?, ?, ?)",
    space,
    entry.revision,
    entry.time,
    entry.hash,
    connection.names.intern(space, "author", entry.author),
    entry.mutation,
    encodeChanges(entry, changedBefore),
  );
}

export function readJournal(connection: Connection, space: Space, query: JournalQuery): readonly JournalEntry[] {
  const rows = connection.all<EntryRow>(
    `SELECT revision, time, lower(hex(hash)) AS hash, author, mutation, changes FROM entry
     WHERE space = ? AND revision > ? ORDER BY revision LIMIT ?`,
    space.id,
    query.after,
    query.limit,
  );
  return rows.map((row): JournalEntry => {
    const { revision, time, hash } = row;
    if (revision <= space.head.horizon.journal) return { revision, time, hash, cut: true };
    const author = connection.names.text(row.author as number);
    const changes = saltedChanges(row.changes);
    return { revision, time, hash, author, mutation: row.mutation as number, changes, cut: false };
  });
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
    const row = connection.one<EntryRow>(
      "SELECT time, author, mutation, changes FROM entry WHERE space = ? AND revision = ?",
      space.id,
      revision,
    );
    if (row === undefined) break;
    const found = decodeChanges(row.changes).find(([, , [name, id]]) => name === query.collection && id === query.id);
    if (found === undefined) break;
    const [, prior, parts, erased] = found;
    const author = connection.names.text(row.author as number);
    items.push({
      revision,
      time: row.time,
      author,
      mutation: row.mutation as number,
      change: changeOf(parts),
      ...(erased !== undefined && { erased: true }),
    });
    revision = prior;
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
