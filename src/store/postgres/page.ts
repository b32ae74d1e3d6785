import { type Key, keyOf } from "../../model/record.ts";
import type { One } from "../scopes.ts";
import type { PageQuery, PageResult } from "../store.ts";
import { wantedOf } from "./scan.ts";
import type { Session } from "./session.ts";
import { inKeyOrder, sourceOf } from "./source.ts";
import { comparable, FIRST, LAST, pairOf } from "./values.ts";

export interface RunRow {
  readonly collection: string;
  /** Null where none of the collection has room. */
  readonly records: string | null;
  readonly count: string;
  readonly last: string | null;
  /** Records of the collection that there are to be given, one beyond the limit included. */
  readonly found: string;
}

/** Records in key order as text, joined inside PostgreSQL: they are never parsed on the way out. */
export async function readPage(session: Session, space: string, query: One<PageQuery>): Promise<PageResult> {
  const after = query.after === null ? FIRST : pairOf(query.after);
  const held = inKeyOrder(sourceOf(query.scope), query.collections !== undefined, {
    columns: "r.text,",
    condition: "(m.collection, m.id) > ($3, $4) AND (m.collection, m.id) < ($8, $9)",
    wanted: "$5",
    limit: "LIMIT $6::bigint + 1",
  });
  const { limit, bytes } = query;
  const values = [space, comparable(query.scope), ...after, wantedOf(query.collections), limit, bytes, ...endOf(query)];
  return pageOf(await session.query<RunRow>(runsOf(held), values));
}

/** Before which pair of collection and id a page ends. */
export function endOf({ to }: Pick<PageQuery, "to">): readonly [string, string] {
  return to === undefined ? LAST : pairOf(to);
}

/**
 * What a page takes of records in the order of keys, in SQL, one run for each collection. $6 are the records that it has
 * room for, and $7 the bytes.
 */
export function runsOf(held: string): string {
  // The length of a text is known without reading it, so that what does not fit costs little.
  return `SELECT collection, string_agg(text, ',' ORDER BY id) FILTER (WHERE fits) AS records,
      count(*) FILTER (WHERE fits) AS count, max(id) FILTER (WHERE fits) AS last, count(*) AS found
    FROM (
      SELECT collection, id, text, row_number() OVER keys = 1 OR
        (row_number() OVER keys <= $6 AND sum(octet_length(text) + 1) OVER keys - 1 <= $7) AS fits
      FROM (${held}) taken
      WINDOW keys AS (ORDER BY collection, id ROWS UNBOUNDED PRECEDING)) counted
    GROUP BY collection ORDER BY collection`;
}

export function pageOf(rows: readonly RunRow[]): PageResult {
  let given = 0;
  let found = 0;
  let last: Key | null = null;
  const runs: { collection: string; records: string; count: number }[] = [];
  for (const row of rows) {
    found += Number(row.found);
    if (row.records === null || row.last === null) continue;
    const { collection, records } = row;
    given += Number(row.count);
    last = keyOf(collection, row.last);
    runs.push({ collection, records, count: Number(row.count) });
  }
  return { runs, last, more: given < found };
}
