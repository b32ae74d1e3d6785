import type { Revision } from "../../model/record.ts";
import { changedSince } from "../codec.ts";
import type { One } from "../scopes.ts";
import type { BehindQuery, ScanQuery, ScanResult } from "../store.ts";
import type { Connection } from "./connection.ts";
import { collectionsOf } from "./segments.ts";
import { sourceOf } from "./source.ts";

interface ScanRow {
  readonly collection: number;
  readonly id: string;
  readonly seen: Revision;
  readonly entered: Revision;
  readonly first: Revision;
  readonly present: number;
  readonly created: Revision;
  readonly creator: number;
  readonly stamps: string | null;
  readonly text: string | null;
  readonly erased: Revision | null;
}

/** ?4 is null for all collections, or a JSON array of their numbers: the index answers it without the rows. */
const WANTED = "(?4 IS NULL OR collection IN (SELECT value FROM json_each(?4)))";

export function scan(connection: Connection, space: number, query: One<ScanQuery>): ScanResult {
  const source = sourceOf(connection, space, query.scope);
  if (source === null) return { changes: [], more: false };
  const { scope, seen, entered, first, present } = source;
  const wanted = wantedNumbers(connection, space, query.collections);
  const select = `SELECT collection, id, ${seen} AS seen, ${entered} AS entered, ${first} AS first, ${present} AS present,
    created, creator, stamps, text, erased FROM ${source.byChange} AND ${WANTED}`;
  const found = connection.iterate<ScanRow>(
    `${select} AND ${seen} > ?3 ORDER BY ${seen} LIMIT ?5`,
    space,
    scope,
    query.after,
    wanted,
    query.limit,
  );
  const rows: ScanRow[] = [];
  let rest = query.bytes ?? Number.POSITIVE_INFINITY;
  for (const row of found) {
    rows.push(row);
    rest -= row.text?.length ?? 0;
    if (rest <= 0) break;
  }
  const last = rows.at(-1)?.seen;
  if (last === undefined || (rows.length < query.limit && rest > 0)) return resultOf(connection, rows, false);
  // A revision is never cut in two: the last one is read whole.
  const whole = connection.all<ScanRow>(`${select} AND ${seen} = ?3`, space, scope, last, wanted);
  const next = connection.one(
    `SELECT 1 FROM ${source.changes} AND ${WANTED} AND ${seen} > ?3 LIMIT 1`,
    space,
    scope,
    last,
    wanted,
  );
  return resultOf(connection, [...rows.filter((row) => row.seen < last), ...whole], next !== undefined);
}

export function countBehind(connection: Connection, space: number, query: BehindQuery): number {
  const source = sourceOf(connection, space, query.scope);
  if (source === null) return 0;
  const row = connection.one<{ count: number }>(
    `SELECT count(*) AS count FROM
       (SELECT 1 FROM ${source.changes} AND ${WANTED} AND ${source.seen} > ?3 LIMIT ?5)`,
    space,
    source.scope,
    query.after,
    wantedNumbers(connection, space, query.collections),
    query.limit,
  );
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

function resultOf(connection: Connection, rows: readonly ScanRow[], more: boolean): ScanResult {
  return { changes: rows.map((row) => changeOf(connection, row)), more };
}

function changeOf(connection: Connection, row: ScanRow): ScanResult["changes"][number] {
  const { id, seen, entered, first, text, erased } = row;
  return {
    collection: connection.names.text(row.collection),
    id,
    member: { revision: seen, entered, first, present: row.present === 1 },
    text,
    erased,
    changedSince: (revision) => changedSince(row, revision),
  };
}
