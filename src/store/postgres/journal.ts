import { GENESIS } from "../../model/entry.ts";
import type { Author, Revision } from "../../model/record.ts";
import { must } from "../../util/assert.ts";
import { changeOf, decodeChanges, type StoredChange, saltedChanges } from "../codec.ts";
import type { AtQuery, Head, HistoryItem, HistoryQuery, JournalEntry, JournalQuery } from "../store.ts";
import type { Session } from "./session.ts";
import { comparable } from "./values.ts";

interface EntryRow {
  readonly revision: string;
  readonly time: string;
  readonly hash: string;
  readonly author: Author;
  readonly mutation: string;
  readonly changes: string | null;
}

export async function readJournal(
  session: Session,
  space: string,
  head: Head,
  query: JournalQuery,
): Promise<readonly JournalEntry[]> {
  const rows = await session.query<EntryRow>(
    `SELECT revision, time, encode(hash, 'hex') AS hash, author, mutation, changes FROM entry
     WHERE space = $1 AND revision > $2 ORDER BY revision LIMIT $3`,
    [space, query.after, query.limit],
  );
  return rows.map(({ hash, author, mutation, changes, ...row }): JournalEntry => {
    const revision = Number(row.revision);
    const time = Number(row.time);
    if (revision <= head.horizon.journal) return { revision, time, hash, cut: true };
    return { revision, time, hash, author, mutation: Number(mutation), changes: saltedChanges(changes), cut: false };
  });
}

/**
 * From the record's last change along the links, which lie in the changes: [salt, prior, [collection, id, …]]. What holds
 * U+0000 PostgreSQL does not take apart: there it looks through a text without, and gives all changes of the entry.
 */
export async function readHistory(
  session: Session,
  space: string,
  head: Head,
  query: HistoryQuery,
): Promise<readonly HistoryItem[]> {
  const entryAt = (revision: string) =>
    `JOIN LATERAL (SELECT * FROM entry e WHERE e.space = $1 AND e.revision = ${revision} OFFSET 0) e ON true`;
  const changed = `JOIN LATERAL (
      SELECT change, CASE WHEN strpos(e.changes, '${NUL}') > 0 THEN e.changes ELSE '[' || change::text || ']' END AS changes
      FROM json_array_elements(replace(e.changes, '${NUL}', '${SOH}')::json) c(change)
      WHERE change -> 2 ->> 0 = $2 AND change -> 2 ->> 1 = $6 LIMIT 1) found ON true
    WHERE e.revision > $4`;
  const rows = await session.query<Omit<EntryRow, "hash" | "changes"> & { changes: string }>(
    `WITH RECURSIVE history AS (
       SELECT e.revision, e.time, e.author, e.mutation, found.change, found.changes
       FROM record r ${entryAt("r.revision")} ${changed}
         AND r.space = $1 AND r.collection = $2 AND r.id = $3
       UNION ALL
       SELECT e.revision, e.time, e.author, e.mutation, found.change, found.changes
       FROM history h ${entryAt("(h.change ->> 1)::bigint")} ${changed})
     SELECT revision, time, author, mutation, changes FROM history LIMIT $5`,
    [
      space,
      comparable(query.collection),
      comparable(query.id),
      head.horizon.journal,
      query.limit,
      withoutNul(query.id),
    ],
  );
  return rows.map(({ author, ...row }) => {
    const own = ([, , [collection, id]]: StoredChange) => collection === query.collection && id === query.id;
    const [, , parts, erased] = must(decodeChanges(row.changes).find(own), "the change that was found by its names");
    const revision = Number(row.revision);
    return {
      revision,
      time: Number(row.time),
      author,
      mutation: Number(row.mutation),
      change: changeOf(parts),
      ...(erased !== undefined && { erased: true as const }),
    };
  });
}

/** In the text of JSON. */
const NUL = "\\u0000";
const SOH = "\\u0001";

/** An id as it is read from a text in which `NUL` was replaced: it may hold these letters themselves. */
function withoutNul(id: string): string {
  return comparable(JSON.parse(JSON.stringify(id).replaceAll(NUL, SOH)) as string);
}

/**
 * The last revision at or before a time. The empty space stands before the first entry, as long as that one is
 * known. Times never run backwards (M6), so a binary search over the revisions finds it without an index by time.
 */
export async function readAt(
  session: Session,
  space: string,
  head: Head,
  query: AtQuery,
): Promise<{ revision: Revision; hash: string; time: number } | null> {
  const [found] = await session.query<Pick<EntryRow, "revision" | "hash" | "time">>(
    `WITH RECURSIVE search (low, high, found) AS (
       SELECT $2::bigint, $3::bigint, NULL::bigint
       UNION ALL
       SELECT CASE WHEN early THEN middle + 1 ELSE low END, CASE WHEN early THEN high ELSE middle - 1 END,
         CASE WHEN early THEN middle ELSE found END
       FROM search, LATERAL (SELECT (low + high) / 2 AS middle) m,
         LATERAL (SELECT NOT EXISTS (SELECT FROM entry WHERE space = $1 AND revision = middle AND time > $4) AS early) t
       WHERE low <= high)
     SELECT revision, time, encode(hash, 'hex') AS hash
     FROM search JOIN entry ON space = $1 AND revision = found WHERE low > high`,
    [space, head.horizon.tombstones, head.revision, query.time],
  );
  if (found) return { revision: Number(found.revision), hash: found.hash, time: Number(found.time) };
  return head.horizon.tombstones === 0 ? { revision: 0, hash: GENESIS, time: 0 } : null;
}
