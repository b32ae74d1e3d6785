import type { Revision } from "../../model/record.ts";
import type { CutHorizon, Head } from "../store.ts";
import type { Session } from "./session.ts";

/** A cut that is under way: the author whose outcomes were looked at last. It starts anew with the process. */
export interface Sweep {
  author: string;
}

interface Cut {
  readonly done: boolean;
  readonly removed: number;
  /** Where the next slice of the sweep begins, once this one is committed. */
  readonly author?: string;
}

/**
 * One slice of cutting, under the space's lock: at most about `slice` rows of each kind. The horizons move before their
 * data goes, so that no cursor is followed over a hole; they never move back, and stay in order: tombstones ≤ journal ≤ head.
 */
export async function cutSlice(
  session: Session,
  space: string,
  head: Head,
  horizon: CutHorizon,
  slice: number,
  sweep: Sweep,
): Promise<Cut> {
  const { revision, horizon: before } = head;
  const journal = Math.max(before.journal, Math.min(horizon.journal, revision));
  const tombstones = Math.max(before.tombstones, Math.min(horizon.tombstones, journal));
  if (journal !== before.journal || tombstones !== before.tombstones) {
    await session.query("UPDATE space SET journal = $2, tombstones = $3 WHERE name = $1", [space, journal, tombstones]);
  }
  const outcomes = await cutOutcomes(session, space, horizon.outcomes, slice, sweep);
  const cuts = [
    await stripEntries(session, space, journal, slice),
    await cutEntries(session, space, tombstones, slice),
    await cutRecords(session, space, tombstones, slice),
    await cutMembers(session, space, tombstones, slice),
    outcomes,
  ];
  return {
    done: cuts.every(({ done }) => done),
    removed: cuts.reduce((sum, { removed }) => sum + removed, 0),
    ...(outcomes.author !== undefined && { author: outcomes.author }),
  };
}

/** About this many bytes of changes go for each row of a slice. */
const CHANGE_BYTES = 250;

/** Below the journal's horizon an entry keeps only number, time and hash (G1). A slice ends at an entry at which it is full of bytes. */
async function stripEntries(session: Session, space: string, journal: Revision, slice: number): Promise<Cut> {
  const [row] = await session.query<{ stripped: string; to: string }>(
    `SELECT stripped, coalesce((
       SELECT min(revision) FROM (
         SELECT revision, sum(coalesce(octet_length(changes), 0)) OVER (ORDER BY revision) AS bytes FROM entry
         WHERE space = $1 AND revision > stripped AND revision <= least($2::bigint, stripped + $3::bigint)) sizes
       WHERE bytes >= $4), least($2::bigint, stripped + $3::bigint)) AS to
     FROM space WHERE name = $1`,
    [space, journal, slice, slice * CHANGE_BYTES],
  );
  const stripped = Number(row?.stripped ?? journal);
  if (stripped >= journal) return { done: true, removed: 0 };
  const to = Number(row?.to);
  await session.query(
    `UPDATE entry SET author = NULL, mutation = NULL, changes = NULL
     WHERE space = $1 AND revision > $2 AND revision <= $3`,
    [space, stripped, to],
  );
  await session.query("UPDATE space SET stripped = $2 WHERE name = $1", [space, to]);
  return { done: to === journal, removed: to - stripped };
}

/** The oldest first, once they are stripped. The horizon's own stays: a cursor that stands there can still be followed, and the chain goes on from it. */
async function cutEntries(session: Session, space: string, tombstones: Revision, slice: number): Promise<Cut> {
  return removal(
    await session.query<Removed>(
      // By a range: a list would be joined, before PostgreSQL knows the table, with the whole journal for each of its rows.
      `WITH gone AS (
         DELETE FROM entry WHERE space = $1 AND revision <= (SELECT max(revision) FROM (
           SELECT revision FROM entry WHERE space = $1 AND revision < $2
             AND revision <= (SELECT stripped FROM space WHERE name = $1) ORDER BY revision LIMIT $3) oldest) RETURNING 1)
       SELECT count(*) AS removed FROM gone`,
      [space, tombstones, slice],
    ),
    slice,
  );
}

/**
 * The places of rows of a table, `t`, that belong to rows `g` of what a slice takes: each is looked up by itself. A join would,
 * before PostgreSQL knows the table, read a whole space for each slice.
 */
function placesIn(table: string, taken: string, condition: string): string {
  return `ARRAY(SELECT t.ctid FROM ${taken} g CROSS JOIN LATERAL (
    SELECT t.ctid FROM ${table} t WHERE t.space = $1 AND ${condition} OFFSET 0) t)`;
}

const SAME_RECORD = "t.collection = g.collection AND t.id = g.id";
const SAME_MEMBER = `t.scope = g.scope AND ${SAME_RECORD}`;

/** Deleted records, with whatever memberships are left of them. */
async function cutRecords(session: Session, space: string, tombstones: Revision, slice: number): Promise<Cut> {
  return removal(
    await session.query<Removed>(
      `WITH gone AS (
         SELECT collection, id, scopes FROM record
         WHERE space = $1 AND revision <= $2 AND text IS NULL ORDER BY revision LIMIT $3),
       members AS (
         DELETE FROM member WHERE ctid = ANY (
           ${placesIn("member", "(SELECT collection, id, unnest(scopes) AS scope FROM gone)", SAME_MEMBER)})),
       records AS (DELETE FROM record WHERE ctid = ANY (${placesIn("record", "gone", SAME_RECORD)}))
       SELECT count(*) AS removed FROM gone`,
      [space, tombstones, slice],
    ),
    slice,
  );
}

/** What records left behind in the scopes that they went out of. */
async function cutMembers(session: Session, space: string, tombstones: Revision, slice: number): Promise<Cut> {
  return removal(
    await session.query<Removed>(
      `WITH gone AS (
         SELECT scope, collection, id FROM member
         WHERE space = $1 AND seen <= $2 AND NOT present ORDER BY seen LIMIT $3),
       members AS (
         DELETE FROM member WHERE ctid = ANY (${placesIn("member", "gone", SAME_MEMBER)})),
       records AS (
         UPDATE record r SET scopes = ARRAY(
           SELECT s FROM unnest(r.scopes) s
           WHERE s NOT IN (SELECT scope FROM gone g WHERE g.collection = r.collection AND g.id = r.id))
         WHERE r.ctid = ANY (${placesIn("record", "(SELECT DISTINCT collection, id FROM gone)", SAME_RECORD)}))
       SELECT count(*) AS removed FROM gone`,
      [space, tombstones, slice],
    ),
    slice,
  );
}

/** Outcomes that were acknowledged before a time, some clients at a time; each client's last one stays (W6). */
async function cutOutcomes(session: Session, space: string, time: number, slice: number, sweep: Sweep): Promise<Cut> {
  const [row] = await session.query<Removed & { clients: string; author: string | null }>(
    `WITH swept AS (
       SELECT author, least(acked, last - 1) AS up_to FROM client
       WHERE space = $1 AND author > $2 ORDER BY author LIMIT $4),
     gone AS (
       SELECT o.author, o.id FROM swept s CROSS JOIN LATERAL (
         SELECT * FROM outcome o WHERE o.space = $1 AND o.author = s.author AND o.id <= s.up_to AND o.acked < $3 OFFSET 0) o
       LIMIT $4),
     outcomes AS (
       DELETE FROM outcome WHERE ctid = ANY (${placesIn("outcome", "gone", "t.author = g.author AND t.id = g.id")}))
     SELECT (SELECT count(*) FROM gone) AS removed, (SELECT count(*) FROM swept) AS clients,
       (SELECT max(author) FROM swept) AS author`,
    [space, sweep.author, time, slice],
  );
  const removed = Number(row?.removed ?? 0);
  if (removed >= slice) return { done: false, removed };
  if (Number(row?.clients) === slice) return { done: false, removed, author: row?.author ?? "" };
  return { done: true, removed, author: "" };
}

interface Removed {
  readonly removed: string;
}

function removal([row]: readonly Removed[], slice: number): Cut {
  const removed = Number(row?.removed ?? 0);
  return { done: removed < slice, removed };
}
