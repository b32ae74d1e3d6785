import type { Entry, RecordChange } from "../../../model/entry.ts";
import type { Json } from "../../../util/json.ts";
import { TableRefusal } from "../../adopt.ts";
import type { Batch } from "../../store.ts";
import { ServerError } from "../failure.ts";
import type { Session, Value } from "../session.ts";
import { idOf, partsOf, quote } from "./names.ts";
import type { Column, Flaw, Table } from "./table.ts";
import { rowOf, textOf } from "./values.ts";

export type Tables = ReadonlyMap<string, Table | Flaw>;

/**
 * Sends what a batch's mutations do to adopted tables, one mutation after the other, each with its deferred constraints
 * checked at its end: so a table sees the same whether mutations share a commit or not (W6).
 */
export function writeBack(session: Session, tables: Tables, { entries }: Batch): Promise<unknown>[] {
  return entries.flatMap((entry) => {
    const changes = entry.changes.map(({ change }) => change).filter(({ collection }) => tables.has(collection));
    if (entry.mutation === 0 || changes.length === 0) return [];
    const last = changes.at(-1) as RecordChange;
    return [
      session.query("SET CONSTRAINTS ALL DEFERRED"),
      ...changes.map((change) => send(session, tables.get(change.collection) as Table | Flaw, change, entry)),
      refusing(session.query("SET CONSTRAINTS ALL IMMEDIATE"), tables.get(last.collection) as Table, last, entry),
    ].map((sent) => {
      sent.catch(() => undefined);
      return sent;
    });
  });
}

async function send(session: Session, table: Table | Flaw, change: RecordChange, entry: Entry): Promise<void> {
  const { id, after } = change;
  const refuse = (message: string, atom: string | null = null) => {
    throw refusal(message, change, entry, atom);
  };
  if ("flaw" in table) return refuse(`the table of this collection is paused: ${table.flaw}`);
  const key = partsOf(id, table.key.length);
  if (key === null) return refuse(`an id of ${table.text} is made of ${table.key.map(({ name }) => name).join(", ")}`);
  const values = after === null ? [] : assigned(table, change, key, refuse);
  const where = table.key.map(({ name, type }, i) => `${quote(name)} = $${values.length + i + 1}::text::${type}`);
  const parameters: Value[] = [...values.map(([, text]) => text), ...key];
  if (change.before !== null && after !== null) {
    if (values.length === 0) return;
    const set = values.map(([{ name, type }], i) => `${quote(name)} = $${i + 1}::text::${type}`);
    const text = `UPDATE ${table.sql} SET ${set.join(", ")} WHERE ${where.join(" AND ")} RETURNING 1 AS one`;
    const rows = await refusing(session.query(text, parameters), table, change, entry);
    if (rows.length === 0) refuse(`${table.text} did not take this: a trigger or a policy of the table kept it out`);
  } else if (after === null) {
    const text = `DELETE FROM ${table.sql} WHERE ${where.join(" AND ")} RETURNING 1 AS one`;
    const rows = await refusing(session.query(text, parameters), table, change, entry);
    if (rows.length === 0) refuse(`${table.text} did not take this: a trigger or a policy of the table kept it`);
  } else {
    const rows = await refusing(insert(session, table, values, key), table, change, entry);
    const [made] = rows.map(({ row }) => idOf(rowOf(row).map((part) => part ?? "")));
    if (made === undefined) refuse(`${table.text} did not take this: a trigger or a policy of the table kept it out`);
    else if (made !== id) refuse(`${table.text} writes this id as ${made}`);
  }
}

function insert(session: Session, table: Table, values: readonly (readonly [Column, string | null])[], key: string[]) {
  const columns = [...values.map(([column]) => column), ...table.key];
  const names = columns.map(({ name }) => quote(name)).join(", ");
  const places = columns.map(({ type }, i) => `$${i + 1}::text::${type}`).join(", ");
  const made = table.key.map(({ name }) => quote(name)).join(", ");
  return session.query<{ row: string }>(
    `INSERT INTO ${table.sql} (${names}) VALUES (${places}) RETURNING ROW(${made})::text AS row`,
    [...values.map(([, text]) => text), ...key],
  );
}

/** The columns beside the key that a change writes. An atom of the key may only repeat what the id says. */
function assigned(
  table: Table,
  { before, after }: RecordChange,
  key: readonly string[],
  refuse: (message: string, atom: string) => void,
): (readonly [Column, string | null])[] {
  return Object.entries(after ?? {}).flatMap(([atom, value]: [string, Json]) => {
    const column = table.columns.find((one) => one.atom === atom);
    if (column === undefined) {
      if (value !== null) refuse(`${table.text} has no column for the atom ${atom}`, atom);
      return [];
    }
    const text = textOf(column.kind, value);
    if (!column.inKey) return [[column, text] as const];
    if (before !== null || text !== key[table.key.indexOf(column)]) {
      refuse(
        `the atom ${atom} is a part of the id in ${table.text}: delete the record and insert it under the new id`,
        atom,
      );
    }
    return [];
  });
}

/** Fails of the table's own in a statement, in words for the client. */
async function refusing<T>(sent: Promise<T>, table: Table, change: RecordChange, entry: Entry): Promise<T> {
  try {
    return await sent;
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    if (error.code === "23505" && isKey(table, error.constraint)) {
      // Another has just made this row: it is seen when the write is decided anew.
      throw new ServerError(error.message, "40001", false);
    }
    const message = messageOf(error, table);
    if (message === null) throw error;
    const column = table.columns.find(({ name }) => name === error.column);
    throw refusal(message, change, entry, column?.atom ?? null);
  }
}

function isKey({ unique }: Table, constraint: string | undefined): boolean {
  return constraint !== undefined && (unique === constraint || unique.endsWith(`.${constraint}`));
}

/** By class of https://www.postgresql.org/docs/current/errcodes-appendix.html; no message of PostgreSQL that quotes values. */
function messageOf({ code, constraint, column, message }: ServerError, { text }: Table): string | null {
  if (code === "23502") return `${text} needs a value in ${column}: not-null constraint`;
  if (code.startsWith("23")) return `the constraint ${constraint ?? code} of ${text} refuses this`;
  if (code === "P0001") return `${text} refuses this: ${message}`;
  if (code === "42501") return `${text} may not be written so: look at its grants and policies`;
  if (code === "428C9") return `${text} makes this column itself`;
  if (code.startsWith("22") || code === "42804" || code === "42846")
    return `a value does not fit its column in ${text}`;
  return ["27", "44", "2F", "38", "39", "P0"].includes(code.slice(0, 2)) ? `${text} refuses this (${code})` : null;
}

function refusal(message: string, { collection, id }: RecordChange, entry: Entry, atom: string | null): TableRefusal {
  const { author, mutation } = entry;
  return new TableRefusal(message, { author, mutation, collection, id, atom });
}
