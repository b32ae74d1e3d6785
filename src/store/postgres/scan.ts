import type { Author, Revision } from "../../model/record.ts";
import { changedSince } from "../codec.ts";
import type { One } from "../scopes.ts";
import type { BehindQuery, ScanChange, ScanQuery, ScanResult } from "../store.ts";
import type { Session } from "./session.ts";
import { type Source, sourceOf } from "./source.ts";
import { arrayOf, comparable } from "./values.ts";

export interface ScanRow {
  readonly collection: string;
  readonly id: string;
  readonly seen: string;
  readonly entered: string;
  readonly first: string;
  readonly present: boolean;
  readonly created: string;
  readonly creator: Author;
  readonly stamps: string | null;
  readonly text: string | null;
  readonly erased: string | null;
}

interface CountedRow extends ScanRow {
  /** How many rows the index gave, and whether the bytes ran out in this one. */
  readonly found: string;
  readonly full: boolean;
}

/** For whoever reads by revision: `member_changed` serves nobody else. $4 is null for all collections. */
export const changedIn = (seen: string) =>
  `${seen} > 0 AND ($4::text IS NULL OR m.collection = ANY ($4::text::text[]))`;

export async function scan(session: Session, space: string, query: One<ScanQuery>): Promise<ScanResult> {
  const source = sourceOf(query.scope);
  const scope = comparable(query.scope);
  const wanted = wantedOf(query.collections);
  const bytes = query.bytes ?? Number.POSITIVE_INFINITY;
  const rows = await session.query<CountedRow>(
    `SELECT *, before + coalesce(octet_length(text), 0) >= $6 AS full FROM (
       SELECT *, count(*) OVER () AS found,
         coalesce(sum(octet_length(text)) OVER (ORDER BY seen, collection, id
           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
       FROM (${select(source)} AND ${source.seen} > $3 ORDER BY ${source.seen} LIMIT $5) taken) counted
     WHERE before < $6 ORDER BY seen`,
    [space, scope, query.after, wanted, query.limit, bytes],
  );
  const last = rows.at(-1);
  if (last === undefined || (Number(last.found) < query.limit && !last.full)) return resultOf(rows, false);
  // A revision is never cut in two: the last one is read whole.
  const [whole, next] = await Promise.all([
    session.query<ScanRow>(`${select(source)} AND ${source.seen} = $3`, [space, scope, last.seen, wanted]),
    session.query(
      `SELECT FROM ${source.table} m WHERE ${source.where} AND ${changedIn(source.seen)} AND ${source.seen} > $3
       ORDER BY ${source.seen} LIMIT 1`,
      [space, scope, last.seen, wanted],
    ),
  ]);
  return resultOf([...rows.filter(({ seen }) => seen !== last.seen), ...whole], next.length > 0);
}

function select({ table, where, join, seen, entered, first, present }: Source): string {
  return `SELECT m.collection, m.id, ${seen} AS seen, ${entered} AS entered, ${first} AS first, ${present} AS present,
    r.created, r.creator, r.stamps, r.text, r.erased FROM ${table} m ${join} WHERE ${where} AND ${changedIn(seen)}`;
}

export async function countBehind(session: Session, space: string, query: BehindQuery): Promise<number> {
  const { table, where, seen } = sourceOf(query.scope);
  const [row] = await session.query<{ count: string }>(
    `SELECT count(*) AS count FROM
       (SELECT FROM ${table} m WHERE ${where} AND ${changedIn(seen)} AND ${seen} > $3 ORDER BY ${seen} LIMIT $5) taken`,
    [space, comparable(query.scope), query.after, wantedOf(query.collections), query.limit],
  );
  return Number(row?.count ?? 0);
}

export function wantedOf(collections: readonly string[] | undefined): string | null {
  return collections === undefined ? null : arrayOf(new Set(collections.map(comparable)));
}

function resultOf(rows: readonly ScanRow[], more: boolean): ScanResult {
  return { changes: rows.map(changeOf), more };
}

export function changeOf(row: ScanRow): ScanChange {
  const { collection, id, text, stamps, present } = row;
  const created: Revision = Number(row.created);
  const member = { revision: Number(row.seen), entered: Number(row.entered), first: Number(row.first), present };
  return {
    collection,
    id,
    member,
    text,
    erased: row.erased === null ? null : Number(row.erased),
    changedSince: (revision) => changedSince({ text, created, stamps }, revision),
  };
}
