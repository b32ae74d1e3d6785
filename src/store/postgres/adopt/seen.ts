import { type Key, keyOf, keyParts } from "../../../model/record.ts";
import type { TableChange } from "../../../model/table-change.ts";
import type { Session } from "../session.ts";
import { columnsOf } from "../values.ts";

/**
 * Rows that a write has locked: whatever was committed to them up to now is known by their records, so that a reader of
 * the log, which is behind, passes it over. To be called while the locks are held: a transaction that changed one of
 * these rows has ended and lies in the log before this position, and our own commit, and all later ones, lie behind it.
 */
export async function markSeen(session: Session, space: string, keys: Iterable<Key>): Promise<void> {
  const rows = [...keys].map(keyParts).map(({ collection, id }) => [collection, id]);
  if (rows.length === 0) return;
  await session.query(
    `INSERT INTO adopted_seen (space, collection, id, position)
     SELECT $1, collection, id, pg_current_wal_insert_lsn()
     FROM unnest($2::text::text[], $3::text::text[]) b(collection, id)
     ON CONFLICT (space, collection, id) DO UPDATE SET position = excluded.position`,
    [space, ...columnsOf(rows, 2)],
  );
}

/**
 * The same where triggers note changes: positions are their numbers. What this very transaction notes is not known yet,
 * since a trigger of the table may have changed it once more.
 */
export async function markNoted(session: Session, space: string, keys: Iterable<Key>): Promise<void> {
  const rows = [...keys].map(keyParts).map(({ collection, id }) => [collection, id]);
  if (rows.length === 0) return;
  await session.query(
    `INSERT INTO adopted_seen (space, collection, id, position, xid)
     SELECT $1, collection, id, '0/0'::pg_lsn + n, pg_current_xact_id()
     FROM unnest($2::text::text[], $3::text::text[]) b(collection, id),
       nextval(pg_get_serial_sequence('adopted_change', 'seq')) n
     ON CONFLICT (space, collection, id) DO UPDATE SET position = excluded.position, xid = excluded.xid`,
    [space, ...columnsOf(rows, 2)],
  );
}

export interface Seen {
  readonly position: bigint;
  readonly xid: string | null;
}

/** Up to where the changes of each record are known, beyond what has been recorded. */
export async function readSeen(session: Session, space: string): Promise<ReadonlyMap<Key, Seen>> {
  const rows = await session.query<{ collection: string; id: string; position: string; xid: string | null }>(
    "SELECT collection, id, position::text, xid::text FROM adopted_seen WHERE space = $1",
    [space],
  );
  return new Map(
    rows.map(({ collection, id, position, xid }) => [keyOf(collection, id), { position: lsnOf(position), xid }]),
  );
}

/**
 * The changes of a transaction without what is known already. A transaction lies at `position` in its log; `xid` is told
 * where triggers noted it.
 */
export function unseen(
  changes: readonly TableChange[],
  seen: ReadonlyMap<Key, Seen>,
  position: bigint,
  xid: string | null,
): TableChange[] {
  const knows = (collection: string, id: string) => {
    const mark = seen.get(keyOf(collection, id));
    return mark !== undefined && position < mark.position && (xid === null || mark.xid !== xid);
  };
  return changes.flatMap((change): TableChange[] => {
    const { collection } = change;
    if (change.does === "clear") {
      const known = [...seen.keys()].map(keyParts).filter((key) => key.collection === collection);
      return [{ ...change, except: new Set(known.map(({ id }) => id).filter((id) => knows(collection, id))) }];
    }
    const { id } = change;
    if (change.does === "remove") return knows(collection, id) ? [] : [change];
    const { was, ...put } = change;
    const moved = was !== undefined && was !== id && !knows(collection, was);
    if (knows(collection, id)) return moved ? [{ does: "remove", collection, id: was }] : [];
    return [was === undefined || moved ? change : put];
  });
}

/** Nothing up to this position comes again. */
export async function forgetSeen(session: Session, space: string, position: string): Promise<void> {
  await session.query("DELETE FROM adopted_seen WHERE space = $1 AND position <= $2::text::pg_lsn", [space, position]);
}

export function lsnOf(text: string): bigint {
  const [high = "0", low = "0"] = text.split("/");
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

export function lsnText(lsn: bigint): string {
  return `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffffffffn).toString(16).toUpperCase()}`;
}
