import type { Session } from "../session.ts";
import type { Table } from "./table.ts";

/** How far a space follows its tables, as it stands in the database. Positions are texts such as `0/16B3748`. */
export interface Following {
  readonly capture: string;
  readonly slot: string | null;
  readonly position: string | null;
  readonly together: string | null;
}

export interface TableState {
  readonly collection: string;
  readonly source: string;
  readonly shape: string;
  readonly state: "copying" | "following" | "paused";
  /** JSON: the parts of the key that the copy has reached. */
  readonly copied: string | null;
  readonly cause: string | null;
}

export async function readFollowing(session: Session, space: string): Promise<Following | null> {
  const [row] = await session.query<Following>(
    "SELECT capture, slot, position::text, together::text FROM adopted_space WHERE space = $1",
    [space],
  );
  return row ?? null;
}

export async function writeFollowing(session: Session, space: string, following: Following): Promise<void> {
  const { capture, slot, position, together } = following;
  await session.query(
    `INSERT INTO adopted_space (space, capture, slot, position, together) VALUES ($1, $2, $3, $4::text::pg_lsn, $5::text::pg_lsn)
     ON CONFLICT (space) DO UPDATE SET capture = excluded.capture, slot = excluded.slot,
       position = excluded.position, together = excluded.together`,
    [space, capture, slot, position, together],
  );
}

/** Until what is in the log now, changes are recorded together: what a copy has read may be newer than they are. */
export async function recordTogether(session: Session, space: string): Promise<void> {
  await session.query("UPDATE adopted_space SET together = pg_current_wal_insert_lsn() WHERE space = $1", [space]);
}

export async function readTables(session: Session, space: string): Promise<ReadonlyMap<string, TableState>> {
  const rows = await session.query<TableState>(
    "SELECT collection, source, shape, state, copied, cause FROM adopted_table WHERE space = $1",
    [space],
  );
  return new Map(rows.map((row) => [row.collection, row]));
}

export async function writeTable(session: Session, space: string, state: TableState): Promise<void> {
  const { collection, source, shape, copied, cause } = state;
  await session.query(
    `INSERT INTO adopted_table (space, collection, source, shape, state, copied, cause) VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (space, collection) DO UPDATE SET source = excluded.source, shape = excluded.shape,
       state = excluded.state, copied = excluded.copied, cause = excluded.cause`,
    [space, collection, source, shape, state.state, copied, cause],
  );
}

/** The table is to be compared with its collection row by row, from the beginning. */
export function toBeCopied({ collection, text, shape }: Table): TableState {
  return { collection, source: text, shape, state: "copying", copied: null, cause: null };
}
