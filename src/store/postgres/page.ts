import { type Key, keyOf } from "../../model/record.ts";
import type { One } from "../scopes.ts";
import type { PageQuery, PageResult } from "../store.ts";
import { wantedOf } from "./scan.ts";
import type { Session } from "./session.ts";
import { inKeyOrder, sourceOf } from "./source.ts";
import { comparable, FIRST, LAST, pairOf } from "./values.ts";

export interface RunRow {
  readonly collection: string;
  readonly records: string;
  readonly count: string;
  readonly last: string;
  /** How many there are to be given, one beyond the limit included. */
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
  return `SELECT collection, string_agg(text, ',' ORDER BY id) AS records, count(*) AS count, max(id) AS last,
      max(found) AS found
    FROM (
      SELECT collection, id, text, count(*) OVER () AS found, row_number() OVER keys AS place,
        sum(octet_length(text) + 1) OVER keys - 1 AS bytes
      FROM (${held}) taken
      WINDOW keys AS (ORDER BY collection, id ROWS UNBOUNDED PRECEDING)) counted
    WHERE place = 1 OR (place <= $6 AND bytes <= $7)
    GROUP BY collection ORDER BY collection`;
}

export function pageOf(found: readonly RunRow[]): PageResult {
  let given = 0;
  let last: Key | null = null;
  const runs = found.map(({ collection, records, count, last: id }) => {
    given += Number(count);
    last = keyOf(collection, id);
    return { collection, records, count: Number(count) };
  });
  return { runs, last, more: given < Number(found[0]?.found ?? 0) };
}
