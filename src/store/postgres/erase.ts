import { type Key, keyParts } from "../../model/record.ts";
import { ERASED_REJECTION, erasedChanges } from "../codec.ts";
import type { Session } from "./session.ts";
import { comparable } from "./values.ts";

/** Takes the values of records out of the journal, along the links that history follows, and marks their tombstones (K2). */
export async function eraseRecords(session: Session, space: string, keys: readonly Key[]): Promise<void> {
  if (keys.length === 0) return;
  for (const key of keys) await eraseRecord(session, space, key);
  await session.query(
    `UPDATE outcome SET detail = '["' || split_part(detail, '"', 2) || '","' || $2 || '",""]'
     WHERE space = $1 AND status = 'rejected' AND acked IS NULL AND detail IS NOT NULL`,
    [space, ERASED_REJECTION],
  );
}

async function eraseRecord(session: Session, space: string, key: Key): Promise<void> {
  const { collection, id } = keyParts(key);
  const place = [space, comparable(collection), comparable(id)];
  const [record] = await session.query<{ revision: string }>(
    "UPDATE record SET erased = revision WHERE space = $1 AND collection = $2 AND id = $3 RETURNING revision",
    place,
  );
  // To the last entry that has changes, also below the horizon, where a cut has not come to them yet.
  for (let revision = Number(record?.revision ?? 0); revision > 0; ) {
    const [row] = await session.query<{ changes: string | null }>(
      "SELECT changes FROM entry WHERE space = $1 AND revision = $2",
      [space, revision],
    );
    const left = row?.changes == null ? null : erasedChanges(row.changes, collection, id);
    if (left === null) return;
    await session.query("UPDATE entry SET changes = $3 WHERE space = $1 AND revision = $2", [
      space,
      revision,
      left.text,
    ]);
    revision = left.prior;
  }
}
