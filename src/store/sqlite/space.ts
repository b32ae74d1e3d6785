import { GENESIS } from "../../model/entry.ts";
import type { Revision } from "../../model/record.ts";
import type { Head, RestorePolicy } from "../store.ts";
import type { Connection } from "./connection.ts";

/** A space and its number in the tables. */
export interface Space {
  readonly id: number;
  readonly head: Head;
}

interface SpaceRow {
  readonly id: number;
  readonly revision: Revision;
  readonly hash: string;
  readonly time: number;
  readonly journal: Revision;
  readonly tombstones: Revision;
  readonly restore: RestorePolicy | null;
}

export function findSpace(connection: Connection, name: string): Space | null {
  const row = connection.one<SpaceRow>(
    "SELECT id, revision, lower(hex(hash)) AS hash, time, journal, tombstones, restore FROM space WHERE name = ?",
    name,
  );
  if (row === undefined) return null;
  const { id, revision, time, journal, tombstones, restore } = row;
  return { id, head: { revision, hash: row.hash, time, horizon: { journal, tombstones }, restore } };
}

export function createSpace(connection: Connection, name: string): Space {
  const { lastInsertRowid } = connection.run(
    "INSERT INTO space (name, revision, hash, time, journal, tombstones, stripped) VALUES (?, 0, unhex(?), 0, 0, 0, 0)",
    name,
    GENESIS,
  );
  const head: Head = { revision: 0, hash: GENESIS, time: 0, horizon: { journal: 0, tombstones: 0 }, restore: null };
  return { id: Number(lastInsertRowid), head };
}
