import { ALL } from "../../model/names.ts";

/**
 * Where the records of a scope are read from, in SQL. The space is $1 and the scope $2 in each.
 *
 * A record's membership in `*` is kept in the record's own row, since every record has one: it changes when the
 * record does, and is there while the record is. That saves a row a record, and a join where a whole space is read.
 */
export interface Source {
  /** The table whose index has the order of keys, and of change. */
  readonly table: string;
  readonly where: string;
  /**
   * The columns of the record that a membership is of, where it lies elsewhere. `m` is the membership. OFFSET 0 keeps the
   * planner to one look-up for each, where it takes the tables for empty, since they were when it made its plan.
   */
  readonly join: string;
  /** Columns of the membership; `seen` is its revision. */
  readonly seen: string;
  readonly entered: string;
  readonly first: string;
  readonly present: string;
}

const WHOLE: Source = {
  table: "record",
  where: "m.space = $1 AND $2::text IS NOT NULL",
  join: "JOIN LATERAL (SELECT m.created, m.creator, m.stamps, m.text, m.erased, m.lane0, m.lane1, m.lane2, m.lane3) r ON true",
  seen: "m.revision",
  entered: "m.all_entered",
  first: "m.all_first",
  present: "m.text IS NOT NULL",
};

const PART: Source = {
  table: "member",
  where: "m.space = $1 AND m.scope = $2",
  join: `JOIN LATERAL (SELECT * FROM record r
    WHERE r.space = m.space AND r.collection = m.collection AND r.id = m.id OFFSET 0) r ON true`,
  seen: "m.seen",
  entered: "m.entered",
  first: "m.first",
  present: "m.present",
};

/** Of one scope of a union: `s` names it. */
export const EACH: Source = { ...PART, where: "m.space = $1 AND m.scope = s.scope" };

export function sourceOf(scope: string): Source {
  return scope === ALL ? WHOLE : PART;
}

/**
 * Records of a scope in the order of keys, as SQL. `wanted` is the parameter with the collections: each is then read from its
 * own place in the index, so that the others cost nothing; without, it is null.
 */
export function inKeyOrder(
  { table, where, join, present }: Source,
  some: boolean,
  { columns, condition, wanted, limit }: { columns: string; condition: string; wanted: string; limit: string },
): string {
  const select = (more: string) => `SELECT ${columns} m.collection, m.id FROM ${table} m ${columns === "" ? "" : join}
    WHERE ${where} AND ${present} AND ${condition} AND ${more} ORDER BY m.collection, m.id ${limit}`;
  if (!some) return select(`${wanted}::text IS NULL`);
  return `SELECT part.* FROM unnest(${wanted}::text::text[]) c(wanted)
    CROSS JOIN LATERAL (${select("m.collection = c.wanted")}) part ORDER BY part.collection, part.id ${limit}`;
}
