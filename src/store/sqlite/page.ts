import { type Key, keyOf } from "../../model/record.ts";
import type { PageQuery, PageResult } from "../store.ts";
import type { Connection } from "./connection.ts";
import { collectionsOf, type Segment, segmentsOf } from "./segments.ts";

interface Chunk {
  readonly records: string | null;
  readonly count: number;
  readonly last: string | null;
}

/** What a chunk is taken of: the records of a segment after an id, those present in the scope. */
const PRESENT = `FROM member JOIN record USING (rid)
  WHERE member.space = ? AND scope = ? AND member.collection = ? AND member.id > ? AND present = 1
  ORDER BY member.id LIMIT ?`;

/** Records in key order as one text a collection, joined inside SQLite: their texts are never parsed on the way out. */
export function readPage(connection: Connection, space: number, query: PageQuery): PageResult {
  const scope = connection.names.find(space, "scope", query.scope);
  if (scope === undefined) return { runs: [], last: null, more: false };
  const runs: { collection: string; records: string; count: number }[] = [];
  let last: Key | null = null;
  let limit = query.limit;
  let bytes = query.bytes;
  const segments = segmentsOf(collectionsOf(connection, space, query.collections), query.after, null);
  for (const segment of segments) {
    const fits = measure(connection, space, scope, segment, limit, bytes, last === null);
    if (fits.count > 0) {
      const chunk = readChunk(connection, space, scope, segment, fits.count);
      runs.push({ collection: segment.name, records: chunk.records as string, count: chunk.count });
      last = keyOf(segment.name, chunk.last as string);
      limit -= chunk.count;
      bytes -= fits.bytes;
    }
    if (fits.more) return { runs, last, more: true };
  }
  return { runs, last, more: false };
}

/**
 * How many of a segment's next records fit. Lengths come from the rows' headers, without the texts. The whole limit
 * is summed at once, since it mostly fits; only otherwise is it counted record by record, up to where it does not.
 */
function measure(
  connection: Connection,
  space: number,
  scope: number,
  segment: Segment,
  limit: number,
  bytes: number,
  first: boolean,
): { count: number; bytes: number; more: boolean } {
  const at = [space, scope, segment.collection, segment.from] as const;
  const lengths = `SELECT octet_length(text) AS bytes ${PRESENT}`;
  const all = connection.one<{ count: number; bytes: number }>(
    `SELECT count(*) AS count, coalesce(sum(bytes), 0) AS bytes FROM (${lengths})`,
    ...at,
    limit + 1,
  ) as { count: number; bytes: number };
  if (all.count <= limit && all.bytes <= bytes) return { ...all, more: false };
  let count = 0;
  let sum = 0;
  for (const row of connection.iterate<{ bytes: number }>(lengths, ...at, limit)) {
    if (sum + row.bytes > bytes && !(first && count === 0)) break;
    count++;
    sum += row.bytes;
  }
  return { count, bytes: sum, more: true };
}

function readChunk(connection: Connection, space: number, scope: number, segment: Segment, count: number): Chunk {
  return connection.one<Chunk>(
    `SELECT group_concat(text) AS records, count(*) AS count, max(id) AS last
     FROM (SELECT text, member.id AS id ${PRESENT})`,
    space,
    scope,
    segment.collection,
    segment.from,
    count,
  ) as Chunk;
}
