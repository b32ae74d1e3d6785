import { type Key, keyOf, keyParts, type Row } from "../../model/record.ts";
import type { Families, Family } from "../store.ts";
import type { Connection } from "./connection.ts";
import { loadRow } from "./row.ts";

/** Keys alone, by the index of parents. UNION ends a circle where it began. */
const DESCENDANTS = `
  WITH RECURSIVE family (collection, id) AS (
    SELECT collection, id FROM record INDEXED BY record_parent
    WHERE space = ?1 AND parent_collection = ?2 AND parent_id = ?3
    UNION
    SELECT record.collection, record.id FROM family CROSS JOIN record INDEXED BY record_parent
    ON record.space = ?1 AND record.parent_collection = family.collection AND record.parent_id = family.id
  )
  SELECT collection, id FROM family LIMIT ?4`;

/** Counts the descendants of records, and loads those of the families that fit into the rows. */
export function loadFamilies(
  connection: Connection,
  space: number,
  { of, most }: Families,
  rows: Map<Key, Row>,
): ReadonlyMap<Key, Family> {
  const families = new Map<Key, Family>();
  const loaded = new Set<Key>();
  for (const key of of) {
    const found = descendantsOf(connection, space, key, 10 * most);
    const fresh = found.filter((descendant) => !loaded.has(descendant));
    const fits = loaded.size + fresh.length <= most;
    families.set(key, { count: found.length, loaded: fits });
    if (!fits) continue;
    for (const descendant of fresh) {
      loaded.add(descendant);
      if (rows.has(descendant)) continue;
      const { collection, id } = keyParts(descendant);
      const row = loadRow(connection, space, collection, id);
      if (row !== null) rows.set(descendant, row);
    }
  }
  return families;
}

function descendantsOf(connection: Connection, space: number, key: Key, most: number): Key[] {
  const { collection, id } = keyParts(key);
  const number = connection.names.find(space, "collection", collection);
  if (number === undefined) return [];
  const found = connection.all<{ collection: number; id: string }>(DESCENDANTS, space, number, id, most);
  return found.map((row) => keyOf(connection.names.text(row.collection), row.id));
}
