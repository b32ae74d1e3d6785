import type { Session } from "../session.ts";
import { columnsOf } from "../values.ts";
import { partsOf, quote } from "./names.ts";
import { type Column, readRow, type Table } from "./table.ts";
import { rowOf } from "./values.ts";

export type TableRow = ReturnType<typeof readRow>;

/**
 * The columns as PostgreSQL writes a row: by each type's own output, which is not what a cast to text gives (inet,
 * character), so that a row that is read equals the same row in the log.
 */
function written(columns: readonly Column[], alias: string): string {
  return `ROW(${columns.map(({ name }) => `${alias}.${quote(name)}`).join(", ")})::text AS row`;
}

function parsed(table: Table, { row }: { row: string }): TableRow {
  const values = rowOf(row);
  const told = new Map(table.columns.map(({ name }, i) => [name, values[i] ?? null]));
  return readRow(table, (column) => told.get(column));
}

/**
 * The rows of these ids, locked until the transaction ends, in an order that all who lock them share. Ids that are none
 * of this key have no row.
 */
export async function lockRows(
  session: Session,
  table: Table,
  ids: readonly string[],
): Promise<ReadonlyMap<string, TableRow>> {
  return findRows(session, table, ids, "FOR UPDATE OF t");
}

export async function findRows(
  session: Session,
  table: Table,
  ids: readonly string[],
  lock = "",
): Promise<ReadonlyMap<string, TableRow>> {
  const { key, sql } = table;
  const wanted = [...ids].sort().flatMap((id) => {
    const parts = partsOf(id, key.length);
    return parts?.every((part, i) => fits((key[i] as Column).type, part)) ? [parts] : [];
  });
  if (wanted.length === 0) return new Map();
  const names = key.map((_, i) => `k${i}`);
  const arrays = key.map((_, i) => `$${i + 1}::text::text[]`);
  const found = await session.query<{ row: string }>(
    `SELECT ${written(table.columns, "t")} FROM unnest(${arrays.join(", ")}) WITH ORDINALITY k(${names.join(", ")}, n)
     JOIN ${sql} t ON ${key.map(({ name, type }, i) => `t.${quote(name)} = k.k${i}::${type}`).join(" AND ")}
     ORDER BY k.n ${lock}`,
    columnsOf(wanted, key.length),
  );
  const asked = new Set(ids);
  const rows = found.map((row) => parsed(table, row)).map((row) => [row.id, row] as const);
  return new Map(rows.filter(([id]) => asked.has(id)));
}

/** Whether a text may be cast to a type without failing, for those that ids mostly are of. */
function fits(type: string, text: string): boolean {
  const bits = { smallint: 15n, integer: 31n, bigint: 63n }[type];
  if (bits !== undefined) {
    if (!/^-?\d{1,19}$/.test(text)) return false;
    const value = BigInt(text);
    return value < 2n ** bits && value >= -(2n ** bits);
  }
  return type !== "uuid" || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

/** Rows in the order of the key after one: `after` holds the texts of the last key, null for the first page. */
export async function pageOfRows(
  session: Session,
  table: Table,
  after: readonly string[] | null,
  limit: number,
): Promise<readonly TableRow[]> {
  const keys = table.key.map(({ name }) => `t.${quote(name)}`).join(", ");
  const values = table.key.map(({ type }, i) => `$${i + 1}::text::${type}`).join(", ");
  const where = after === null ? "" : `WHERE (${keys}) > (${values})`;
  const found = await session.query<{ row: string }>(
    `SELECT ${written(table.columns, "t")} FROM ${table.sql} t ${where} ORDER BY ${keys} LIMIT ${limit}`,
    after ?? [],
  );
  return found.map((row) => parsed(table, row));
}
