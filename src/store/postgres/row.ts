import { ALL } from "../../model/names.ts";
import {
  type Author,
  type Key,
  keyOf,
  keyParts,
  type Membership,
  type Revision,
  type Row,
} from "../../model/record.ts";
import { decodeStamps, type LaneColumns, lanesOf } from "../codec.ts";
import type { Session } from "./session.ts";
import { columnsOf, comparable } from "./values.ts";

interface RecordRow extends LaneColumns {
  readonly collection: string;
  readonly id: string;
  readonly revision: string;
  readonly all_entered: string;
  readonly all_first: string;
  readonly created: string;
  readonly creator: Author;
  readonly stamps: string | null;
  readonly text: string | null;
  readonly parent_collection: string | null;
  readonly parent_id: string | null;
  readonly erased: string | null;
  /** As `MEMBERS` gives them. */
  readonly members: string | null;
}

type MemberParts = readonly [scope: string, revision: Revision, entered: Revision, first: Revision, present: boolean];

/**
 * The memberships of a record `r` but that in `*`, in SQL: JSON, or null for none. OFFSET 0 keeps the planner to one look-up
 * for each scope, here and below, also where it does not know the tables yet.
 */
export const MEMBERS = `(SELECT json_agg(json_build_array(m.scope, m.seen, m.entered, m.first, m.present))::text
  FROM unnest(r.scopes) s(scope) CROSS JOIN LATERAL (
    SELECT * FROM member m
    WHERE m.space = r.space AND m.scope = s.scope AND m.collection = r.collection AND m.id = r.id OFFSET 0) m)`;

export function membersOf(members: string | null): [string, Membership][] {
  const parts = JSON.parse(members ?? "[]") as MemberParts[];
  return parts.map(([scope, revision, entered, first, present]) => [scope, { revision, entered, first, present }]);
}

export async function loadRows(session: Session, space: string, keys: readonly Key[]): Promise<ReadonlyMap<Key, Row>> {
  if (keys.length === 0) return new Map();
  const pairs = keys.map(keyParts).map(({ collection, id }) => [comparable(collection), comparable(id)]);
  const found = await session.query<RecordRow>(
    `SELECT r.collection, r.id, r.revision, r.all_entered, r.all_first, r.created, r.creator,
       r.lane0, r.lane1, r.lane2, r.lane3, r.stamps, r.text,
       r.parent_collection, r.parent_id, r.erased,
       ${MEMBERS} AS members
     FROM unnest($2::text::text[], $3::text::text[]) k(collection, id)
     CROSS JOIN LATERAL (
       SELECT * FROM record r WHERE r.space = $1 AND r.collection = k.collection AND r.id = k.id OFFSET 0) r`,
    [space, ...columnsOf(pairs, 2)],
  );
  return new Map(found.map((row) => [keyOf(row.collection, row.id), rowOf(row)]));
}

function rowOf(found: RecordRow): Row {
  const { collection, id, creator, text, stamps } = found;
  const revision = Number(found.revision);
  const created = Number(found.created);
  // The membership in `*` has no row of its own.
  const whole = {
    revision,
    entered: Number(found.all_entered),
    first: Number(found.all_first),
    present: text !== null,
  };
  const { parent_collection: parentIn, parent_id: parentId } = found;
  return {
    collection,
    id,
    revision,
    created,
    creator,
    text,
    stamps: decodeStamps({ text, created, creator, stamps }, (author) => author),
    parent: parentIn === null ? null : keyOf(parentIn, parentId as string),
    digest: lanesOf(found),
    scopes: new Map([[ALL, whole], ...membersOf(found.members)]),
    ...(found.erased !== null && { erased: Number(found.erased) }),
  };
}
