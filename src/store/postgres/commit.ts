import type { Entry, RecordChange } from "../../model/entry.ts";
import { ALL } from "../../model/names.ts";
import { type Key, keyOf, keyParts, type Revision, type Row } from "../../model/record.ts";
import { assert, must } from "../../util/assert.ts";
import { encodeChanges, encodeStamps, outcomeDetail } from "../codec.ts";
import type { Batch, ClientRow, Loaded, OutcomeRow } from "../store.ts";
import { CLEARED, clearedOf, FORGOTTEN, forgottenOf, NOTES, notesOf } from "./notes.ts";
import type { Session } from "./session.ts";
import { arrayOf, columnsOf } from "./values.ts";

/** Rows that go in one statement, and about how much text: a statement is built whole, on both sides. */
const ROWS = 5_000;
const BYTES = 16 * 1024 * 1024;

type Item = string | number | boolean | null;
type Columns = readonly Item[];

/**
 * Sends a batch within the transaction that loaded what it was decided on. It is a handful of statements, however many
 * mutations it is of; they go out together with the commit that follows.
 */
export function commit(session: Session, space: string, loaded: Loaded, batch: Batch): Promise<unknown>[] {
  const send = (statement: string, rows: readonly Columns[]) =>
    pieces(rows).map((piece) => {
      const sent = session.query(statement, [space, ...columnsOf(piece, piece[0]?.length ?? 0)]);
      // Whoever waits for all of them is told; one alone may fail before anybody waits.
      sent.catch(() => undefined);
      return sent;
    });
  return [
    ...send(HEAD, headOf(batch)),
    ...send(ENTRIES, entriesOf(loaded, batch)),
    ...send(RECORDS, batch.rows.map(recordOf)),
    ...send(
      MEMBERS,
      batch.rows.flatMap((row) => membersOf(row, loaded.head.revision)),
    ),
    ...send(SCOPES, scopesOf(batch, loaded.head.revision)),
    ...send(
      FINGERPRINTS,
      batch.fingerprints.map(({ scope, collection, add }) => [scope, collection, add.count, ...add.lanes]),
    ),
    ...send(OUTCOMES, batch.outcomes.map(outcomeOf)),
    ...send(CLIENTS, batch.clients.map(clientOf)),
    ...send(ACKNOWLEDGED, acknowledgedOf(loaded, batch)),
    ...send(CLEARED, clearedOf(batch)),
    ...send(FORGOTTEN, forgottenOf(batch)),
    ...send(NOTES, notesOf(batch)),
  ];
}

/** Rows that fit in one statement together; none where there are none. */
function pieces(rows: readonly Columns[]): Columns[][] {
  const all: Columns[][] = [];
  let bytes = 0;
  for (const row of rows) {
    const last = all.at(-1);
    if (last === undefined || last.length === ROWS || bytes > BYTES) {
      all.push([row]);
      bytes = 0;
    } else last.push(row);
    for (const item of row) if (typeof item === "string") bytes += item.length;
  }
  return all;
}

const HEAD = `
  UPDATE space SET revision = b.revision, hash = decode(b.hash, 'hex'), time = b.time
  FROM unnest($2::text::bigint[], $3::text::text[], $4::text::bigint[]) b(revision, hash, time) WHERE name = $1`;

function headOf({ entries }: Batch): Columns[] {
  const last = entries.at(-1);
  return last === undefined ? [] : [[last.revision, last.hash, last.time]];
}

const ENTRIES = `
  INSERT INTO entry (space, revision, time, hash, author, mutation, changes)
  SELECT $1, revision, time, decode(hash, 'hex'), author, mutation, changes
  FROM unnest($2::text::bigint[], $3::text::bigint[], $4::text::text[], $5::text::text[], $6::text::bigint[],
    $7::text::text[]) b(revision, time, hash, author, mutation, changes)`;

function entriesOf(loaded: Loaded, { entries }: Batch): Columns[] {
  const priorOf = links(loaded);
  let { revision, time } = loaded.head;
  return entries.map((entry) => {
    assert(entry.revision === revision + 1, `revision ${entry.revision} follows ${revision}`);
    assert(entry.time >= time, "the journal's time never runs backwards");
    ({ revision, time } = entry);
    const changes = encodeChanges(entry, (change) => priorOf(entry, change));
    return [revision, time, entry.hash, entry.author, entry.mutation, changes];
  });
}

/** The revision of a record's change before one of a batch: the batch itself may have changed it before. */
function links(loaded: Loaded): (entry: Entry, change: RecordChange) => Revision {
  const changed = new Map<Key, Revision>();
  return ({ revision }, { collection, id }) => {
    const key = keyOf(collection, id);
    const prior = changed.get(key) ?? loaded.rows.get(key)?.revision ?? 0;
    changed.set(key, revision);
    return prior;
  };
}

const RECORDS = `
  INSERT INTO record (space, collection, id, revision, all_entered, all_first, created, creator,
    lane0, lane1, lane2, lane3, scopes, stamps, text, parent_collection, parent_id)
  SELECT $1, collection, id, revision, all_entered, all_first, created, creator,
    lane0, lane1, lane2, lane3, scopes::text[], stamps, text, parent_collection, parent_id
  FROM unnest($2::text::text[], $3::text::text[], $4::text::bigint[], $5::text::bigint[], $6::text::bigint[],
    $7::text::bigint[], $8::text::text[], $9::text::integer[], $10::text::integer[], $11::text::integer[],
    $12::text::integer[], $13::text::text[], $14::text::text[], $15::text::text[],
    $16::text::text[], $17::text::text[])
    b(collection, id, revision, all_entered, all_first, created, creator, lane0, lane1, lane2, lane3, scopes, stamps, text,
      parent_collection, parent_id)
  ON CONFLICT (space, collection, id) DO UPDATE SET
    revision = excluded.revision, all_entered = excluded.all_entered, all_first = excluded.all_first,
    created = excluded.created, creator = excluded.creator,
    lane0 = excluded.lane0, lane1 = excluded.lane1, lane2 = excluded.lane2, lane3 = excluded.lane3,
    scopes = excluded.scopes, stamps = excluded.stamps, text = excluded.text,
    parent_collection = excluded.parent_collection, parent_id = excluded.parent_id`;

function recordOf(row: Row): Columns {
  const whole = must(row.scopes.get(ALL), "every record has a membership in *");
  assert(whole.revision === row.revision, "a record's membership in * changes when the record does");
  assert(whole.present === (row.text !== null), "a record is in * while it is there");
  const scopes = [...row.scopes.keys()].filter((scope) => scope !== ALL);
  const parent = row.parent === null ? null : keyParts(row.parent);
  return [
    row.collection,
    row.id,
    row.revision,
    whole.entered,
    whole.first,
    row.created,
    row.creator,
    ...row.digest.map((lane) => lane | 0),
    arrayOf(scopes),
    encodeStamps(row, (author) => author),
    row.text,
    parent?.collection ?? null,
    parent?.id ?? null,
  ];
}

const MEMBERS = `
  INSERT INTO member (space, scope, collection, id, seen, entered, first, present)
  SELECT $1, * FROM unnest($2::text::text[], $3::text::text[], $4::text::text[], $5::text::bigint[],
    $6::text::bigint[], $7::text::bigint[], $8::text::boolean[])
  ON CONFLICT (space, scope, collection, id) DO UPDATE SET
    seen = excluded.seen, entered = excluded.entered, first = excluded.first, present = excluded.present`;

/** Those that are newer than the head that the batch was decided on. */
function membersOf({ collection, id, scopes }: Row, head: Revision): Columns[] {
  return [...scopes].flatMap(([scope, { revision, entered, first, present }]) =>
    scope === ALL || revision <= head ? [] : [[scope, collection, id, revision, entered, first, present]],
  );
}

const SCOPES = `
  INSERT INTO scope (space, name, since) SELECT $1, * FROM unnest($2::text::text[], $3::text::bigint[])
  ON CONFLICT DO NOTHING`;

/** Those that may be new: a scope's first membership is its record's first in it. */
function scopesOf({ rows }: Batch, head: Revision): Columns[] {
  const fresh = rows.flatMap(({ scopes }) => [...scopes].filter(([, { first }]) => first > head));
  const names = new Set(fresh.map(([name]) => name));
  names.delete(ALL);
  return [...names].map((name) => [name, head + 1]);
}

const FINGERPRINTS = `
  INSERT INTO fingerprint AS f (space, scope, collection, count, lane0, lane1, lane2, lane3)
  SELECT $1, scope, collection, sum(count), sum(lane0)::bigint & 4294967295, sum(lane1)::bigint & 4294967295,
    sum(lane2)::bigint & 4294967295, sum(lane3)::bigint & 4294967295
  FROM unnest($2::text::text[], $3::text::text[], $4::text::bigint[], $5::text::bigint[], $6::text::bigint[],
    $7::text::bigint[], $8::text::bigint[]) b(scope, collection, count, lane0, lane1, lane2, lane3)
  GROUP BY scope, collection
  ON CONFLICT (space, scope, collection) DO UPDATE SET
    count = f.count + excluded.count,
    lane0 = (f.lane0 + excluded.lane0) & 4294967295, lane1 = (f.lane1 + excluded.lane1) & 4294967295,
    lane2 = (f.lane2 + excluded.lane2) & 4294967295, lane3 = (f.lane3 + excluded.lane3) & 4294967295`;

const OUTCOMES = `
  INSERT INTO outcome (space, author, id, content, status, revision, time, detail)
  SELECT $1, author, id, decode(content, 'hex'), status, revision, time, detail
  FROM unnest($2::text::text[], $3::text::bigint[], $4::text::text[], $5::text::text[], $6::text::bigint[],
    $7::text::bigint[], $8::text::text[]) b(author, id, content, status, revision, time, detail)
  ON CONFLICT (space, author, id) DO UPDATE SET
    content = excluded.content, status = excluded.status, revision = excluded.revision,
    time = excluded.time, detail = excluded.detail`;

function outcomeOf({ author, id, content, outcome, time }: OutcomeRow): Columns {
  return [author, id, content, outcome.status, outcome.revision, time, outcomeDetail(outcome)];
}

const CLIENTS = `
  INSERT INTO client (space, author, last, acked, was, seen)
  SELECT $1, * FROM unnest($2::text::text[], $3::text::bigint[], $4::text::bigint[], $5::text::text[],
    $6::text::bigint[])
  ON CONFLICT (space, author) DO UPDATE SET
    last = excluded.last, acked = excluded.acked, was = excluded.was, seen = excluded.seen`;

function clientOf({ author, last, acked, was, seen }: ClientRow): Columns {
  return [author, last, acked, JSON.stringify(was.map(({ author: who, revision }) => [who, revision])), seen];
}

/**
 * Drops of the outcomes that a client now has acknowledged what is kept no longer (W6). Of a rejection its code stays, the
 * first text of its detail; it is cut out of the text, since Citus takes no functions of JSON in an UPDATE. OFFSET 0 keeps the
 * planner to a look-up for each client, where it would read all outcomes of the space while it does not know the table.
 */
const ACKNOWLEDGED = `
  UPDATE outcome o SET
    acked = found.seen,
    detail = CASE o.status WHEN 'rejected' THEN '["' || split_part(o.detail, '"', 2) || '","",""]' END
  FROM (
    SELECT b.author, w.id, b.seen
    FROM unnest($2::text::text[], $3::text::bigint[], $4::text::bigint[], $5::text::bigint[]) b(author, before, acked, seen)
    CROSS JOIN LATERAL (
      SELECT w.id FROM outcome w
      WHERE w.space = $1 AND w.author = b.author AND w.id > b.before AND w.id <= b.acked AND w.acked IS NULL OFFSET 0) w
    OFFSET 0
  ) found
  WHERE o.space = $1 AND o.author = found.author AND o.id = found.id`;

function acknowledgedOf(loaded: Loaded, { clients }: Batch): Columns[] {
  return clients.flatMap(({ author, acked, seen }) => {
    const before = loaded.clients.get(author)?.acked ?? 0;
    return acked > before ? [[author, before, acked, seen]] : [];
  });
}
