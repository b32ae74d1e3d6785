import { ALL } from "../../model/names.ts";
import type { Connection } from "./connection.ts";

/**
 * Where the records of a scope are read from, in SQL. The space is ?1 and the scope's number ?2 in each.
 *
 * A record's membership in `*` is kept in the record's own row, since every record has one: it changes when the
 * record does, and is there while the record is. That saves a row a record, and a join where a whole space is read.
 */
export interface Source {
  /** The scope's number; null for `*`. */
  readonly scope: number | null;
  /** In the order of keys: with the columns of the record, or only those of the membership. */
  readonly byKey: string;
  readonly keys: string;
  /** In the order of change. */
  readonly byChange: string;
  readonly changes: string;
  /** Columns of the membership; `seen` is its revision. */
  readonly seen: string;
  readonly entered: string;
  readonly first: string;
  readonly present: string;
}

const WHOLE: Source = {
  scope: null,
  byKey: "record WHERE space = ?1 AND ?2 IS NULL",
  keys: "record WHERE space = ?1 AND ?2 IS NULL",
  byChange: "record INDEXED BY record_changed WHERE space = ?1 AND ?2 IS NULL",
  changes: "record INDEXED BY record_changed WHERE space = ?1 AND ?2 IS NULL",
  seen: "revision",
  entered: "all_entered",
  first: "all_first",
  present: "text IS NOT NULL",
};

const JOIN = "CROSS JOIN record USING (space, collection, id) WHERE space = ?1 AND scope = ?2";

const PART: Omit<Source, "scope"> = {
  byKey: `member ${JOIN}`,
  keys: "member WHERE space = ?1 AND scope = ?2",
  byChange: `member INDEXED BY member_changed ${JOIN}`,
  changes: "member INDEXED BY member_changed WHERE space = ?1 AND scope = ?2",
  seen: "seen",
  entered: "entered",
  first: "first",
  present: "present = 1",
};

/** Null for a scope that no record of the space has ever been in. */
export function sourceOf(connection: Connection, space: number, scope: string): Source | null {
  if (scope === ALL) return WHOLE;
  const number = connection.names.find(space, "scope", scope);
  return number === undefined ? null : { ...PART, scope: number };
}
