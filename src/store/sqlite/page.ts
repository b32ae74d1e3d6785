import { type Key, keyOf } from "../../model/record.ts";
import type { One } from "../scopes.ts";
import type { PageQuery, PageResult } from "../store.ts";
import type { Connection } from "./connection.ts";
import { collectionsOf, type Segment, segmentsOf } from "./segments.ts";
import { type Source, sourceOf } from "./source.ts";

/** Records that are taken before anything is known of their size. */
const FIRST_CHUNK = 16;

interface Chunk {
  readonly records: string | null;
  readonly bytes: number | null;
  readonly count: number;
  readonly last: string | null;
}

/** Records in key order as text, joined inside SQLite: they are never parsed on the way out. */
export function readPage(connection: Connection, space: number, query: One<PageQuery>): PageResult {
  const source = sourceOf(connection, space, query.scope);
  if (source === null) return { runs: [], last: null, more: false };
  const page = new Page(query.limit, query.bytes);
  const collections = collectionsOf(connection, space, query.collections);
  for (const segment of segmentsOf(collections, query.after, query.to ?? null)) {
    let after = segment.from;
    for (;;) {
      const asked = page.nextChunk();
      const chunk = readChunk(connection, space, source, segment, after, asked);
      if (chunk.count === 0) break;
      if (page.add(segment, chunk)) {
        after = chunk.last as string;
        if (chunk.count < asked) break;
      } else if (chunk.count === 1) return { runs: page.runs, last: page.last, more: true };
    }
  }
  return { runs: page.runs, last: page.last, more: false };
}

/**
 * A page that fills up. What fits is known only once records have been joined, so they are taken in chunks: each is
 * half of what would fill the page by the average so far, and one that does not fit is taken again in smaller ones.
 */
class Page {
  readonly runs: { collection: string; records: string; count: number }[] = [];
  last: Key | null = null;
  #limit: number;
  #bytes: number;
  #chunk = FIRST_CHUNK;

  constructor(limit: number, bytes: number) {
    this.#limit = limit;
    this.#bytes = bytes;
  }

  /** How many records to take next. One is tried also where none is allowed any more, to see whether there is one. */
  nextChunk(): number {
    return Math.max(1, Math.min(this.#chunk, this.#limit));
  }

  /** Whether the chunk was added. The first record always is. */
  add(segment: Segment, chunk: Chunk): boolean {
    const bytes = chunk.bytes as number;
    const first = this.last === null && chunk.count === 1;
    if (!first && (bytes > this.#bytes || chunk.count > this.#limit)) {
      this.#chunk = Math.floor(chunk.count / 4);
      return false;
    }
    const run = this.runs.at(-1);
    const records = chunk.records as string;
    if (run?.collection === segment.name) {
      run.records += `,${records}`;
      run.count += chunk.count;
    } else this.runs.push({ collection: segment.name, records, count: chunk.count });
    this.last = keyOf(segment.name, chunk.last as string);
    this.#limit -= chunk.count;
    this.#bytes -= bytes;
    this.#chunk = Math.ceil((this.#bytes * chunk.count) / bytes / 2);
    return true;
  }
}

function readChunk(
  connection: Connection,
  space: number,
  source: Source,
  { collection, to }: Segment,
  after: string,
  count: number,
): Chunk {
  // A blob is greater than every text.
  return connection.one<Chunk>(
    `SELECT group_concat(text) AS records, octet_length(group_concat(text)) AS bytes, count(*) AS count, max(id) AS last
     FROM (SELECT text, id FROM ${source.byKey} AND collection = ?3 AND id > ?4 AND id < coalesce(?6, x'')
       AND ${source.present} ORDER BY id LIMIT ?5)`,
    space,
    source.scope,
    collection,
    after,
    count,
    to,
  ) as Chunk;
}
