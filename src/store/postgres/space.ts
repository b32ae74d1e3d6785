import { GENESIS } from "../../model/entry.ts";
import type { Head, RestorePolicy } from "../store.ts";
import type { Session } from "./session.ts";

interface SpaceRow {
  readonly revision: string;
  readonly hash: string;
  readonly time: string;
  readonly journal: string;
  readonly tombstones: string;
  readonly restore: RestorePolicy | null;
}

const HEAD = `SELECT revision, encode(hash, 'hex') AS hash, time, journal, tombstones, restore FROM space WHERE name = $1`;

export async function findHead(session: Session, space: string): Promise<Head | null> {
  return headOf(await session.query<SpaceRow>(HEAD, [space]));
}

/**
 * The head, with the lock under which everything is written to a space: until the transaction ends no other writes to
 * it, on whatever server. So revisions become visible in their order, and none late (M1).
 */
export async function lockHead(session: Session, space: string): Promise<Head | null> {
  return headOf(await session.query<SpaceRow>(`${HEAD} FOR UPDATE`, [space]));
}

/** Where another creates it at the same time, this waits for that one. */
export async function createSpace(session: Session, space: string): Promise<void> {
  await session.query(
    `INSERT INTO space (name, revision, hash, time, journal, tombstones, stripped)
     VALUES ($1, 0, decode($2, 'hex'), 0, 0, 0, 0) ON CONFLICT DO NOTHING`,
    [space, GENESIS],
  );
}

function headOf([row]: readonly SpaceRow[]): Head | null {
  if (row === undefined) return null;
  const { hash, restore } = row;
  const horizon = { journal: Number(row.journal), tombstones: Number(row.tombstones) };
  return { revision: Number(row.revision), hash, time: Number(row.time), horizon, restore };
}
