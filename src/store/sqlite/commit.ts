import { ALL } from "../../model/names.ts";
import { type Key, keyOf, keyParts, type Membership, type Revision, type Row } from "../../model/record.ts";
import { assert, must } from "../../util/assert.ts";
import { encodeStamps, outcomeDetail } from "../codec.ts";
import type { Batch, ClientRow, Loaded, OutcomeRow } from "../store.ts";
import type { Connection } from "./connection.ts";
import { eraseRecords } from "./erase.ts";
import { appendEntry } from "./journal.ts";
import { writeNotes } from "./notes.ts";
import type { Space } from "./space.ts";

/** Writes a batch within the transaction that loaded what it was decided on. */
export function commit(connection: Connection, space: Space, loaded: Loaded, batch: Batch): void {
  appendEntries(connection, space, loaded, batch);
  for (const row of batch.rows) writeRow(connection, space, row);
  for (const { scope, collection, add } of batch.fingerprints) {
    const { names } = connection;
    const since = space.head.revision + 1;
    connection.run(
      `INSERT INTO fingerprint (space, scope, collection, count, lane0, lane1, lane2, lane3)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET
         count = count + excluded.count,
         lane0 = (lane0 + excluded.lane0) & 0xffffffff,
         lane1 = (lane1 + excluded.lane1) & 0xffffffff,
         lane2 = (lane2 + excluded.lane2) & 0xffffffff,
         lane3 = (lane3 + excluded.lane3) & 0xffffffff`,
      space.id,
      names.intern(space.id, "scope", scope, since),
      names.intern(space.id, "collection", collection),
      add.count,
      ...add.lanes,
    );
  }
  for (const outcome of batch.outcomes) writeOutcome(connection, space.id, outcome);
  for (const client of batch.clients) {
    writeClient(connection, space.id, client, loaded.clients.get(client.author)?.acked ?? 0);
  }
  writeNotes(connection, space.id, batch);
  eraseRecords(connection, space.id, batch.erased ?? []);
}

function appendEntries(connection: Connection, space: Space, loaded: Loaded, batch: Batch): void {
  const last = batch.entries.at(-1);
  if (last === undefined) return;
  /** Where this batch itself changed a record before. */
  const changed = new Map<Key, Revision>();
  let { revision, time } = space.head;
  for (const entry of batch.entries) {
    assert(entry.revision === revision + 1, `revision ${entry.revision} follows ${revision}`);
    assert(entry.time >= time, "the journal's time never runs backwards");
    ({ revision, time } = entry);
    appendEntry(connection, space.id, entry, (change) => {
      const key = keyOf(change.collection, change.id);
      const before = changed.get(key) ?? loaded.rows.get(key)?.revision ?? 0;
      changed.set(key, entry.revision);
      return before;
    });
  }
  connection.run(
    "UPDATE space SET revision = ?, hash = unhex(?), time = ? WHERE id = ?",
    last.revision,
    last.hash,
    last.time,
    space.id,
  );
}

function writeRow(connection: Connection, space: Space, row: Row): void {
  const { names } = connection;
  const numberOf = (author: string) => names.intern(space.id, "author", author);
  const collection = names.intern(space.id, "collection", row.collection);
  const whole = must(row.scopes.get(ALL), "every record has a membership in *");
  assert(whole.revision === row.revision, "a record's membership in * changes when the record does");
  assert(whole.present === (row.text !== null), "a record is in * while it is there");
  const scopes: number[] = [];
  for (const [name, member] of row.scopes) {
    if (name === ALL) continue;
    const scope = names.intern(space.id, "scope", name, space.head.revision + 1);
    scopes.push(scope);
    if (member.revision > space.head.revision) writeMember(connection, space.id, scope, collection, row.id, member);
  }
  const parent = row.parent === null ? null : keyParts(row.parent);
  connection.run(
    `INSERT INTO record (space, collection, id, revision, all_entered, all_first, created, creator,
       lane0, lane1, lane2, lane3, scopes, stamps, text, parent_collection, parent_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET
       revision = excluded.revision, all_entered = excluded.all_entered, all_first = excluded.all_first,
       created = excluded.created, creator = excluded.creator,
       lane0 = excluded.lane0, lane1 = excluded.lane1, lane2 = excluded.lane2, lane3 = excluded.lane3,
       scopes = excluded.scopes, stamps = excluded.stamps, text = excluded.text,
       parent_collection = excluded.parent_collection, parent_id = excluded.parent_id`,
    space.id,
    collection,
    row.id,
    row.revision,
    whole.entered,
    whole.first,
    row.created,
    numberOf(row.creator),
    ...row.digest.map((lane) => lane | 0),
    JSON.stringify(scopes),
    encodeStamps(row, numberOf),
    row.text,
    parent === null ? null : names.intern(space.id, "collection", parent.collection),
    parent?.id ?? null,
  );
}

function writeMember(
  connection: Connection,
  space: number,
  scope: number,
  collection: number,
  id: string,
  member: Membership,
): void {
  connection.run(
    `INSERT INTO member (space, scope, collection, id, seen, entered, first, present) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET
       seen = excluded.seen, entered = excluded.entered, first = excluded.first, present = excluded.present`,
    space,
    scope,
    collection,
    id,
    member.revision,
    member.entered,
    member.first,
    member.present ? 1 : 0,
  );
}

function writeOutcome(connection: Connection, space: number, row: OutcomeRow): void {
  connection.run(
    `INSERT INTO outcome (space, author, id, content, status, revision, time, detail) VALUES (?, ?, ?, unhex(?), ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET
       content = excluded.content, status = excluded.status, revision = excluded.revision,
       time = excluded.time, detail = excluded.detail`,
    space,
    connection.names.intern(space, "author", row.author),
    row.id,
    row.content,
    row.outcome.status,
    row.outcome.revision,
    row.time,
    outcomeDetail(row.outcome),
  );
}

/** Writes a client, and drops of the outcomes that it now has acknowledged what is kept no longer (W6). */
function writeClient(connection: Connection, space: number, row: ClientRow, ackedBefore: number): void {
  const author = connection.names.intern(space, "author", row.author);
  connection.run(
    `INSERT INTO client (space, author, last, acked, was, seen) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET last = excluded.last, acked = excluded.acked, was = excluded.was, seen = excluded.seen`,
    space,
    author,
    row.last,
    row.acked,
    JSON.stringify(row.was.map(({ author: who, revision }) => [who, revision])),
    row.seen,
  );
  if (row.acked <= ackedBefore) return;
  connection.run(
    `UPDATE outcome SET
       acked = ?,
       detail = CASE status WHEN 'rejected' THEN json_array(detail ->> 0, '', '') END
     WHERE space = ? AND author = ? AND id > ? AND id <= ? AND acked IS NULL`,
    row.seen,
    space,
    author,
    ackedBefore,
    row.acked,
  );
}
