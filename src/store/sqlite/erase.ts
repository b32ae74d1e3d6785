import { type Key, keyParts, type Revision } from "../../model/record.ts";
import { ERASED_REJECTION, erasedChanges } from "../codec.ts";
import type { Connection } from "./connection.ts";

/** Takes the values of records out of the journal, along the links that history follows, and marks their tombstones (K2). */
export function eraseRecords(connection: Connection, space: number, keys: readonly Key[]): void {
  if (keys.length === 0) return;
  for (const key of keys) eraseRecord(connection, space, key);
  connection.run(
    `UPDATE outcome SET detail = json_array(detail ->> 0, ?, '')
     WHERE space = ? AND status = 'rejected' AND acked IS NULL AND detail IS NOT NULL`,
    ERASED_REJECTION,
    space,
  );
}

function eraseRecord(connection: Connection, space: number, key: Key): void {
  const { collection, id } = keyParts(key);
  const number = connection.names.find(space, "collection", collection);
  if (number === undefined) return;
  const record = connection.one<{ revision: Revision }>(
    "SELECT revision FROM record WHERE space = ? AND collection = ? AND id = ?",
    space,
    number,
    id,
  );
  // To the last entry that has changes, also below the horizon, where a cut has not come to them yet.
  for (let revision = record?.revision ?? 0; revision > 0; ) {
    const row = connection.one<{ changes: string | null }>(
      "SELECT changes FROM entry WHERE space = ? AND revision = ?",
      space,
      revision,
    );
    const left = row?.changes == null ? null : erasedChanges(row.changes, collection, id);
    if (left === null) break;
    connection.run("UPDATE entry SET changes = ? WHERE space = ? AND revision = ?", left.text, space, revision);
    revision = left.prior;
  }
  connection.run(
    "UPDATE record SET erased = revision WHERE space = ? AND collection = ? AND id = ?",
    space,
    number,
    id,
  );
}
