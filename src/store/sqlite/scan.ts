import type { Revision } from "../../model/record.ts";
import type { BehindQuery, ScanQuery, ScanResult } from "../store.ts";
import { decodeStamps } from "./codec.ts";
import type { Connection } from "./connection.ts";
import { collectionsOf } from "./segments.ts";

interface ScanRow {
  readonly collection: number;
  readonly id: string;
  readonly revision: Revision;
  readonly entered: Revision;
  readonly first: Revision;
  readonly present: number;
  readonly created: Revision;
  readonly creator: number;
  readonly stamps: string | null;
  readonly text: string | null;
}

/**
 * The memberships of a scope that changed after a revision. ?4 is null for all collections, or a JSON array of their
 * numbers: the index answers it without the rows.
 */
const CHANGED = `member.space = ?1 AND member.scope = ?2 AND member.revision > ?3
  AND (?4 IS NULL OR member.collection IN (SELECT value FROM json_each(?4)))`;
const FROM_INDEX = "FROM member INDEXED BY member_changed";
const ROWS = `SELECT collection, id, member.revision, entered, first, present, created, creator, stamps, text
  ${FROM_INDEX} CROSS JOIN record USING (space, collection, id) WHERE ${CHANGED}`;

export function scan(connection: Connection, space: number, query: ScanQuery): ScanResult {
  const scope = connection.names.find(space, "scope", query.scope);
  if (scope === undefined) return { changes: [], more: false };
  const wanted = wantedNumbers(connection, space, query.collections);
  const rows = connection.all<ScanRow>(
    `${ROWS} ORDER BY member.revision LIMIT ?5`,
    space,
    scope,
    query.after,
    wanted,
    query.limit,
  );
  const last = rows.at(-1);
  if (last === undefined || rows.length < query.limit)
    return { changes: rows.map((row) => changeOf(connection, row)), more: false };
  // A revision is never cut in two: the last one is read whole.
  const whole = connection.all<ScanRow>(
    `${ROWS} AND member.revision = ?5`,
    space,
    scope,
    last.revision - 1,
    wanted,
    last.revision,
  );
  const before = rows.filter(({ revision }) => revision < last.revision);
  const next = connection.one(`SELECT 1 ${FROM_INDEX} WHERE ${CHANGED} LIMIT 1`, space, scope, last.revision, wanted);
  return { changes: [...before, ...whole].map((row) => changeOf(connection, row)), more: next !== undefined };
}

export function countBehind(connection: Connection, space: number, query: BehindQuery): number {
  const scope = connection.names.find(space, "scope", query.scope);
  if (scope === undefined) return 0;
  const wanted = wantedNumbers(connection, space, query.collections);
  const sql = `SELECT count(*) AS count FROM (SELECT 1 ${FROM_INDEX} WHERE ${CHANGED} LIMIT ?5)`;
  const row = connection.one<{ count: number }>(sql, space, scope, query.after, wanted, query.limit);
  return row?.count ?? 0;
}

function wantedNumbers(
  connection: Connection,
  space: number,
  collections: readonly string[] | undefined,
): string | null {
  if (collections === undefined) return null;
  return JSON.stringify(collectionsOf(connection, space, collections).map(({ id }) => id));
}

function changeOf(connection: Connection, row: ScanRow): ScanResult["changes"][number] {
  const { id, revision, entered, first, text, created } = row;
  return {
    collection: connection.names.text(row.collection),
    id,
    member: { revision, entered, first, present: row.present === 1 },
    text,
    created,
    stamps: () => decodeStamps(row, connection.names),
  };
}
