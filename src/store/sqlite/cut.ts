import type { Revision } from "../../model/record.ts";
import type { CutHorizon } from "../store.ts";
import type { Connection } from "./connection.ts";
import type { Space } from "./space.ts";

/** A cut that is under way: the author whose outcomes were looked at last. It starts anew with the process. */
export interface Sweep {
  author: number;
}

/**
 * One slice of cutting: at most about `slice` rows of each kind. The horizons move before their data goes, so that no
 * cursor is followed over a hole; they never move back, and stay in order: tombstones ≤ journal ≤ head.
 */
export function cutSlice(
  connection: Connection,
  space: Space,
  horizon: CutHorizon,
  slice: number,
  sweep: Sweep,
): { done: boolean; removed: number } {
  const { revision, horizon: before } = space.head;
  const journal = Math.max(before.journal, Math.min(horizon.journal, revision));
  const tombstones = Math.max(before.tombstones, Math.min(horizon.tombstones, journal));
  if (journal !== before.journal || tombstones !== before.tombstones) {
    connection.run("UPDATE space SET journal = ?, tombstones = ? WHERE id = ?", journal, tombstones, space.id);
  }
  const cuts = [
    stripEntries(connection, space.id, journal, slice),
    cutEntries(connection, space.id, tombstones, slice),
    cutRecords(connection, space.id, tombstones, slice),
    cutMembers(connection, space.id, tombstones, slice),
    cutOutcomes(connection, space.id, horizon.outcomes, slice, sweep),
  ];
  return { done: cuts.every(({ done }) => done), removed: cuts.reduce((sum, { removed }) => sum + removed, 0) };
}

interface Cut {
  readonly done: boolean;
  readonly removed: number;
}

/** About this many bytes of changes go for each row of a slice. */
const CHANGE_BYTES = 250;

/** Below the journal's horizon an entry keeps only number, time and hash (G1). */
function stripEntries(connection: Connection, space: number, journal: Revision, slice: number): Cut {
  const row = connection.one<{ stripped: Revision }>("SELECT stripped FROM space WHERE id = ?", space);
  const stripped = row?.stripped ?? 0;
  if (stripped >= journal) return { done: true, removed: 0 };
  const to = lastOfSlice(connection, space, stripped, Math.min(journal, stripped + slice), slice * CHANGE_BYTES);
  connection.run(
    "UPDATE entry SET author = NULL, mutation = NULL, changes = NULL WHERE space = ? AND revision > ? AND revision <= ?",
    space,
    stripped,
    to,
  );
  connection.run("UPDATE space SET stripped = ? WHERE id = ?", to, space);
  return { done: to === journal, removed: to - stripped };
}

/** How far a slice goes that begins after a revision: not beyond `most`, and to an entry at which it is full of bytes. */
function lastOfSlice(connection: Connection, space: number, after: Revision, most: Revision, bytes: number): Revision {
  const entries = connection.iterate<{ revision: Revision; bytes: number }>(
    `SELECT revision, coalesce(octet_length(changes), 0) AS bytes FROM entry
     WHERE space = ? AND revision > ? AND revision <= ? ORDER BY revision`,
    space,
    after,
    most,
  );
  let sum = 0;
  for (const entry of entries) {
    sum += entry.bytes;
    if (sum >= bytes) return entry.revision;
  }
  return most;
}

/** The oldest first, once they are stripped. The horizon's own stays: a cursor that stands there can still be followed, and the chain goes on from it. */
function cutEntries(connection: Connection, space: number, tombstones: Revision, slice: number): Cut {
  const { changes } = connection.run(
    `DELETE FROM entry WHERE (space, revision) IN
       (SELECT space, revision FROM entry WHERE space = ? AND revision < ?
        AND revision <= (SELECT stripped FROM space WHERE id = ?) ORDER BY revision LIMIT ?)`,
    space,
    tombstones,
    space,
    slice,
  );
  return { done: Number(changes) < slice, removed: Number(changes) };
}

interface Gone {
  readonly scope: number;
  readonly collection: number;
  readonly id: string;
}

/** Deleted records, with whatever memberships are left of them. */
function cutRecords(connection: Connection, space: number, tombstones: Revision, slice: number): Cut {
  const gone = connection.all<Gone & { scopes: string }>(
    `SELECT collection, id, scopes FROM record
     WHERE space = ? AND revision <= ? AND text IS NULL ORDER BY revision LIMIT ?`,
    space,
    tombstones,
    slice,
  );
  for (const { collection, id, scopes } of gone) {
    for (const scope of JSON.parse(scopes) as number[]) deleteMember(connection, space, { scope, collection, id });
    connection.run("DELETE FROM record WHERE space = ? AND collection = ? AND id = ?", space, collection, id);
  }
  return { done: gone.length < slice, removed: gone.length };
}

/** What records left behind in the scopes that they went out of. */
function cutMembers(connection: Connection, space: number, tombstones: Revision, slice: number): Cut {
  const gone = connection.all<Gone>(
    `SELECT scope, collection, id FROM member
     WHERE space = ? AND seen <= ? AND present = 0 ORDER BY seen LIMIT ?`,
    space,
    tombstones,
    slice,
  );
  for (const member of gone) {
    deleteMember(connection, space, member);
    connection.run(
      `UPDATE record SET scopes =
         (SELECT json_group_array(value) FROM json_each(record.scopes) WHERE value <> ?)
       WHERE space = ? AND collection = ? AND id = ?`,
      member.scope,
      space,
      member.collection,
      member.id,
    );
  }
  return { done: gone.length < slice, removed: gone.length };
}

function deleteMember(connection: Connection, space: number, { scope, collection, id }: Gone): void {
  connection.run(
    "DELETE FROM member WHERE space = ? AND scope = ? AND collection = ? AND id = ?",
    space,
    scope,
    collection,
    id,
  );
}

/** Outcomes that were acknowledged before a time, client by client; each client's last one stays (W6). */
function cutOutcomes(connection: Connection, space: number, time: number, slice: number, sweep: Sweep): Cut {
  const clients = connection.all<{ author: number; upTo: number }>(
    `SELECT author, min(acked, last - 1) AS upTo FROM client WHERE space = ? AND author > ? ORDER BY author LIMIT ?`,
    space,
    sweep.author,
    slice,
  );
  let removed = 0;
  for (const { author, upTo } of clients) {
    const { changes } = connection.run(
      `DELETE FROM outcome WHERE (space, author, id) IN
         (SELECT space, author, id FROM outcome
          WHERE space = ? AND author = ? AND id <= ? AND acked < ? ORDER BY id LIMIT ?)`,
      space,
      author,
      upTo,
      time,
      slice - removed,
    );
    removed += Number(changes);
    if (removed >= slice) return { done: false, removed };
    sweep.author = author;
  }
  if (clients.length === slice) return { done: false, removed };
  sweep.author = 0;
  return { done: true, removed };
}
