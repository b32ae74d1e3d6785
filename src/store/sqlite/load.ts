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
import { decodeStamps, type LaneColumns, lanesOf, outcomeOf } from "../codec.ts";
import type { ClientRow, Loaded, OutcomeRow, Wanted } from "../store.ts";
import type { Connection } from "./connection.ts";
import { readHashes } from "./journal.ts";
import type { Space } from "./space.ts";

interface RecordRow extends LaneColumns {
  readonly revision: Revision;
  readonly all_entered: Revision;
  readonly all_first: Revision;
  readonly created: Revision;
  readonly creator: number;
  readonly scopes: string;
  readonly stamps: string | null;
  readonly text: string | null;
}

interface MemberRow {
  readonly revision: Revision;
  readonly entered: Revision;
  readonly first: Revision;
  readonly present: number;
}

/** All that a batch of pushes touches, as it stands. */
export function load(connection: Connection, space: Space, wanted: Wanted): Loaded {
  const rows = new Map<Key, Row>();
  for (const key of wanted.keys) {
    const { collection, id } = keyParts(key);
    const row = loadRow(connection, space.id, collection, id);
    if (row) rows.set(keyOf(collection, id), row);
  }
  const clients = new Map<Author, ClientRow>();
  for (const author of wanted.authors) {
    const client = loadClient(connection, space.id, author);
    if (client) clients.set(author, client);
  }
  return {
    head: space.head,
    rows,
    clients,
    outcomes: loadOutcomes(connection, space.id, wanted),
    hashes: readHashes(connection, space.id, wanted.hashes),
  };
}

export function loadRow(connection: Connection, space: number, collection: string, id: string): Row | null {
  const { names } = connection;
  const number = names.find(space, "collection", collection);
  if (number === undefined) return null;
  const row = connection.one<RecordRow>(
    `SELECT revision, all_entered, all_first, created, creator, lane0, lane1, lane2, lane3, scopes, stamps, text
     FROM record WHERE space = ? AND collection = ? AND id = ?`,
    space,
    number,
    id,
  );
  if (row === undefined) return null;
  const scopes = new Map<string, Membership>([[ALL, wholeOf(row)]]);
  for (const scope of JSON.parse(row.scopes) as number[]) {
    const member = connection.one<MemberRow>(
      `SELECT seen AS revision, entered, first, present FROM member
       WHERE space = ? AND scope = ? AND collection = ? AND id = ?`,
      space,
      scope,
      number,
      id,
    );
    if (member) scopes.set(names.text(scope), { ...member, present: member.present === 1 });
  }
  const { revision, created, text } = row;
  const creator = names.text(row.creator);
  const stamps = decodeStamps(row, (number) => names.text(number));
  return { collection, id, revision, created, creator, text, stamps, digest: lanesOf(row), scopes };
}

/** The membership in `*`, which has no row of its own. */
function wholeOf(row: RecordRow): Membership {
  return { revision: row.revision, entered: row.all_entered, first: row.all_first, present: row.text !== null };
}

export function loadClient(connection: Connection, space: number, author: Author): ClientRow | null {
  const number = connection.names.find(space, "author", author);
  if (number === undefined) return null;
  const row = connection.one<{ last: number; acked: number; was: string; seen: number }>(
    "SELECT last, acked, was, seen FROM client WHERE space = ? AND author = ?",
    space,
    number,
  );
  if (row === undefined) return null;
  const was = (JSON.parse(row.was) as [Author, Revision][]).map(([who, revision]) => ({ author: who, revision }));
  return { author, last: row.last, acked: row.acked, was, seen: row.seen };
}

interface OutcomeColumns {
  readonly id: number;
  readonly content: string;
  readonly status: string;
  readonly revision: Revision;
  readonly time: number;
  readonly detail: string | null;
}

function loadOutcomes(
  connection: Connection,
  space: number,
  wanted: Wanted,
): ReadonlyMap<Author, ReadonlyMap<number, OutcomeRow>> {
  const outcomes = new Map<Author, Map<number, OutcomeRow>>();
  for (const { author, from, to } of wanted.outcomes) {
    const number = connection.names.find(space, "author", author);
    if (number === undefined) continue;
    const found = connection.all<OutcomeColumns>(
      `SELECT id, lower(hex(content)) AS content, status, revision, time, detail FROM outcome
       WHERE space = ? AND author = ? AND id BETWEEN ? AND ?`,
      space,
      number,
      from,
      to,
    );
    const mine = outcomes.get(author) ?? new Map<number, OutcomeRow>();
    for (const row of found) {
      const { id, content, time } = row;
      mine.set(id, { author, id, content, outcome: outcomeOf(row), time });
    }
    if (mine.size > 0) outcomes.set(author, mine);
  }
  return outcomes;
}
