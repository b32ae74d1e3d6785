import { ALL } from "../../model/names.ts";
import { type Key, keyOf, keyParts, type Membership, type Revision, type Row } from "../../model/record.ts";
import { decodeStamps, type LaneColumns, lanesOf } from "../codec.ts";
import type { Connection } from "./connection.ts";

interface RecordRow extends LaneColumns {
  readonly revision: Revision;
  readonly all_entered: Revision;
  readonly all_first: Revision;
  readonly created: Revision;
  readonly creator: number;
  readonly scopes: string;
  readonly stamps: string | null;
  readonly text: string | null;
  readonly parent_collection: number | null;
  readonly parent_id: string | null;
  readonly erased: Revision | null;
}

interface MemberRow {
  readonly revision: Revision;
  readonly entered: Revision;
  readonly first: Revision;
  readonly present: number;
}

export function loadRow(connection: Connection, space: number, collection: string, id: string): Row | null {
  const { names } = connection;
  const number = names.find(space, "collection", collection);
  if (number === undefined) return null;
  const row = connection.one<RecordRow>(
    `SELECT revision, all_entered, all_first, created, creator, lane0, lane1, lane2, lane3, scopes, stamps, text,
       parent_collection, parent_id, erased
     FROM record WHERE space = ? AND collection = ? AND id = ?`,
    space,
    number,
    id,
  );
  if (row === undefined) return null;
  const scopes = new Map([[ALL, wholeOf(row)], ...loadMembers(connection, space, number, id, row.scopes)]);
  const { revision, created, text } = row;
  const creator = names.text(row.creator);
  const stamps = decodeStamps(row, (number) => names.text(number));
  const { parent_collection: parentIn, parent_id: parentId } = row;
  const parent = parentIn === null ? null : keyOf(names.text(parentIn), parentId as string);
  return {
    collection,
    id,
    revision,
    created,
    creator,
    text,
    stamps,
    parent,
    digest: lanesOf(row),
    scopes,
    ...(row.erased !== null && { erased: row.erased }),
  };
}

/** The rows that there are, tombstones included. */
export function loadRows(connection: Connection, space: number, keys: Iterable<Key>): Map<Key, Row> {
  const rows = new Map<Key, Row>();
  for (const key of keys) {
    const { collection, id } = keyParts(key);
    const row = loadRow(connection, space, collection, id);
    if (row !== null) rows.set(key, row);
  }
  return rows;
}

/** The memberships of a record in the scopes that its row names: all but `*`. */
export function* loadMembers(
  connection: Connection,
  space: number,
  collection: number,
  id: string,
  scopes: string,
): Generator<[string, Membership]> {
  for (const scope of JSON.parse(scopes) as number[]) {
    const member = connection.one<MemberRow>(
      `SELECT seen AS revision, entered, first, present FROM member
       WHERE space = ? AND scope = ? AND collection = ? AND id = ?`,
      space,
      scope,
      collection,
      id,
    );
    if (member) yield [connection.names.text(scope), { ...member, present: member.present === 1 }];
  }
}

/** The membership in `*`, which has no row of its own. */
function wholeOf(row: RecordRow): Membership {
  return { revision: row.revision, entered: row.all_entered, first: row.all_first, present: row.text !== null };
}
