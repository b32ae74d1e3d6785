import { GENESIS } from "../../model/entry.ts";
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
import { inOrder } from "./connection.ts";
import type { Session } from "./session.ts";
import { lockHead } from "./space.ts";
import { arrayOf, columnsOf, comparable } from "./values.ts";

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
  /** JSON. */
  readonly members: string | null;
}

type MemberParts = readonly [scope: string, revision: Revision, entered: Revision, first: Revision, present: boolean];

/** All that a batch of pushes touches, as it stands, under the space's lock: all is asked in one go. */
export async function load(session: Session, space: string, wanted: Wanted): Promise<Loaded | null> {
  const head = lockHead(session, space);
  const rows = loadRows(session, space, [...wanted.keys]);
  const clients = loadClients(session, space, [...wanted.authors]);
  const outcomes = loadOutcomes(session, space, wanted.outcomes);
  const hashes = readHashes(session, space, wanted.hashes);
  await inOrder<unknown>([head, rows, clients, outcomes, hashes]);
  const found = await head;
  if (found === null) return null;
  return { head: found, rows: await rows, clients: await clients, outcomes: await outcomes, hashes: await hashes };
}

export async function loadRows(session: Session, space: string, keys: readonly Key[]): Promise<ReadonlyMap<Key, Row>> {
  if (keys.length === 0) return new Map();
  const pairs = keys.map(keyParts).map(({ collection, id }) => [comparable(collection), comparable(id)]);
  const found = await session.query<RecordRow>(
    `SELECT r.collection, r.id, r.revision, r.all_entered, r.all_first, r.created, r.creator,
       r.lane0, r.lane1, r.lane2, r.lane3, r.stamps, r.text,
       (SELECT json_agg(json_build_array(m.scope, m.seen, m.entered, m.first, m.present))::text
        FROM unnest(r.scopes) s(scope) JOIN member m
          ON m.space = r.space AND m.scope = s.scope AND m.collection = r.collection AND m.id = r.id) AS members
     FROM unnest($2::text::text[], $3::text::text[]) k(collection, id)
     JOIN record r ON r.space = $1 AND r.collection = k.collection AND r.id = k.id`,
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
  const scopes = new Map<string, Membership>([[ALL, whole]]);
  for (const [scope, seen, entered, first, present] of JSON.parse(found.members ?? "[]") as MemberParts[]) {
    scopes.set(scope, { revision: seen, entered, first, present });
  }
  return {
    collection,
    id,
    revision,
    created,
    creator,
    text,
    stamps: decodeStamps({ text, created, creator, stamps }, (author) => author),
    digest: lanesOf(found),
    scopes,
  };
}

interface ClientColumns {
  readonly author: Author;
  readonly last: string;
  readonly acked: string;
  readonly was: string;
  readonly seen: string;
}

export async function loadClients(
  session: Session,
  space: string,
  authors: readonly Author[],
): Promise<ReadonlyMap<Author, ClientRow>> {
  if (authors.length === 0) return new Map();
  const found = await session.query<ClientColumns>(
    "SELECT author, last, acked, was, seen FROM client WHERE space = $1 AND author = ANY ($2::text::text[])",
    [space, arrayOf(authors.map(comparable))],
  );
  return new Map(found.map((row) => [row.author, clientOf(row)]));
}

function clientOf({ author, last, acked, was, seen }: ClientColumns): ClientRow {
  const former = (JSON.parse(was) as [Author, Revision][]).map(([who, revision]) => ({ author: who, revision }));
  return { author, last: Number(last), acked: Number(acked), was: former, seen: Number(seen) };
}

interface OutcomeColumns {
  readonly author: Author;
  readonly id: string;
  readonly content: string;
  readonly status: string;
  readonly revision: string;
  readonly time: string;
  readonly detail: string | null;
}

async function loadOutcomes(
  session: Session,
  space: string,
  wanted: Wanted["outcomes"],
): Promise<ReadonlyMap<Author, ReadonlyMap<number, OutcomeRow>>> {
  const outcomes = new Map<Author, Map<number, OutcomeRow>>();
  if (wanted.length === 0) return outcomes;
  const ranges = wanted.map(({ author, from, to }) => [comparable(author), from, to]);
  const found = await session.query<OutcomeColumns>(
    `SELECT o.author, o.id, encode(o.content, 'hex') AS content, o.status, o.revision, o.time, o.detail
     FROM unnest($2::text::text[], $3::text::bigint[], $4::text::bigint[]) w(author, "from", "to")
     JOIN outcome o ON o.space = $1 AND o.author = w.author AND o.id BETWEEN w."from" AND w."to"`,
    [space, ...columnsOf(ranges, 3)],
  );
  for (const row of found) {
    const { author, content, status, detail } = row;
    const id = Number(row.id);
    const mine = outcomes.get(author) ?? new Map<number, OutcomeRow>();
    outcomes.set(author, mine);
    const outcome = outcomeOf({ id, status, revision: Number(row.revision), detail });
    mine.set(id, { author, id, content, outcome, time: Number(row.time) });
  }
  return outcomes;
}

/** The chain hashes that are still known. */
export async function readHashes(
  session: Session,
  space: string,
  revisions: readonly Revision[],
): Promise<ReadonlyMap<Revision, string>> {
  if (revisions.length === 0) return new Map();
  const found = await session.query<{ revision: string; hash: string }>(
    `SELECT revision, encode(hash, 'hex') AS hash FROM entry
     WHERE space = $1 AND revision = ANY ($2::text::bigint[])`,
    [space, arrayOf(revisions)],
  );
  const hashes = new Map(found.map(({ revision, hash }) => [Number(revision), hash]));
  if (revisions.includes(0)) hashes.set(0, GENESIS);
  return hashes;
}
