import { type Key, keyOf, keyParts, type Row } from "../../model/record.ts";
import type { Families, Family } from "../store.ts";
import { inOrder } from "./connection.ts";
import { loadRows } from "./row.ts";
import type { Session } from "./session.ts";
import { columnsOf, comparable } from "./values.ts";

/**
 * The descendants of `w`, by the index of parents. UNION ends a circle where it began; the recursion ends with what LIMIT
 * takes of it. OFFSET 0 keeps the planner, which cannot know how many there are, to one look-up for each.
 */
const DESCENDANTS = `(
  WITH RECURSIVE family (collection, id) AS (
    SELECT r.collection, r.id FROM record r
    WHERE r.space = $1 AND r.parent_collection = w.collection AND r.parent_id = w.id
    UNION
    SELECT child.collection, child.id FROM family f CROSS JOIN LATERAL (
      SELECT r.collection, r.id FROM record r
      WHERE r.space = $1 AND r.parent_collection = f.collection AND r.parent_id = f.id OFFSET 0) child
  )
  SELECT collection, id FROM family LIMIT $4::bigint) found`;

const WANTED = "unnest($2::text::text[], $3::text::text[]) WITH ORDINALITY w(collection, id, place)";

/** Families that one statement counts, so that each ends in its time. */
const COUNTED = 100;

/** How many descendants each has, up to ten times as many as may be loaded. */
export async function countDescendants(
  session: Session,
  space: string,
  { of, most }: Families,
): Promise<ReadonlyMap<Key, number>> {
  const keys = [...of];
  const pieces = Array.from({ length: Math.ceil(keys.length / COUNTED) }, (_, i) =>
    keys.slice(i * COUNTED, (i + 1) * COUNTED),
  );
  const counted = await inOrder(
    pieces.map((piece) =>
      session.query<{ count: string }>(
        `SELECT (SELECT count(*) FROM ${DESCENDANTS}) AS count FROM ${WANTED} ORDER BY place`,
        [space, ...pairsOf(piece), 10 * most],
      ),
    ),
  );
  const counts = counted.flat();
  return new Map(keys.map((key, i) => [key, Number(counts[i]?.count ?? 0)]));
}

/** Decides which families fit, and loads those into the rows. */
export async function loadFamilies(
  session: Session,
  space: string,
  { most }: Families,
  counts: ReadonlyMap<Key, number>,
  rows: Map<Key, Row>,
): Promise<ReadonlyMap<Key, Family>> {
  const families = new Map<Key, Family>();
  const loaded = new Set<Key>();
  // One that is larger than all that may be loaded does not fit, whatever else is loaded: its keys are not read.
  const read = [...counts].filter(([, count]) => count > 0 && count <= most);
  const found = new Map<Key, readonly Key[]>();
  for (const [key, count] of counts) {
    if (count > 0 && count <= most && !found.has(key)) {
      found.clear();
      for (const one of await readDescendants(session, space, takeGroup(read, most), most)) found.set(...one);
    }
    const own = found.get(key) ?? [];
    const fresh = own.filter((descendant) => !loaded.has(descendant));
    const fits = count <= most && loaded.size + fresh.length <= most;
    families.set(key, { count, loaded: fits });
    if (fits) for (const descendant of fresh) loaded.add(descendant);
  }
  const missing = [...loaded].filter((key) => !rows.has(key));
  for (const [key, row] of await loadRows(session, space, missing)) rows.set(key, row);
  return families;
}

/** The next families that together have not much more members than may be loaded: all of them, as a rule. */
function takeGroup(rest: [Key, number][], most: number): Key[] {
  let sum = 0;
  const end = rest.findIndex(([, count], i) => {
    sum += count;
    return i > 0 && sum > 2 * most;
  });
  return rest.splice(0, end < 0 ? rest.length : end).map(([key]) => key);
}

async function readDescendants(
  session: Session,
  space: string,
  keys: readonly Key[],
  most: number,
): Promise<[Key, Key[]][]> {
  const found = await session.query<{ place: string; collection: string; id: string }>(
    `SELECT w.place, found.collection, found.id FROM ${WANTED} CROSS JOIN LATERAL ${DESCENDANTS}`,
    [space, ...pairsOf(keys), most],
  );
  const descendants = keys.map((key): [Key, Key[]] => [key, []]);
  for (const { place, collection, id } of found) descendants[Number(place) - 1]?.[1].push(keyOf(collection, id));
  return descendants;
}

function pairsOf(keys: readonly Key[]): string[] {
  const parts = keys.map(keyParts).map(({ collection, id }) => [comparable(collection), comparable(id)]);
  return columnsOf(parts, 2);
}
