import { isObject, type Json, type JsonObject } from "../../../util/json.ts";
import type { TablePlan } from "../../adopt.ts";
import type { Session } from "../session.ts";
import { idOf, quote } from "./names.ts";
import { jsonOf, type Kind, kindOf } from "./values.ts";

export interface Column {
  readonly name: string;
  /** Null: the column is a part of the id alone. */
  readonly atom: string | null;
  readonly kind: Kind;
  /** The type that texts are cast to, without its length, which would cut them. */
  readonly type: string;
  readonly inKey: boolean;
}

/** A table as it is adopted. */
export interface Table {
  readonly collection: string;
  /** `schema.table`, for people. */
  readonly text: string;
  /** Quoted, for SQL. */
  readonly sql: string;
  readonly oid: number;
  readonly columns: readonly Column[];
  /** In the order of the key. */
  readonly key: readonly Column[];
  /** The constraint or index that makes the key unique. */
  readonly unique: string;
  /** Changes when something of the above does. */
  readonly shape: string;
}

/** Why a table cannot be adopted as it is, with what to do. */
export interface Flaw {
  readonly flaw: string;
}

interface Found {
  readonly oid: string;
  readonly kind: string;
  readonly identity: string;
  readonly columns: readonly FoundColumn[] | null;
  readonly indexes: readonly FoundIndex[] | null;
}
interface FoundColumn {
  readonly name: string;
  readonly type: string;
  readonly cast: string;
  readonly list: boolean;
  readonly generated: string;
  readonly required: boolean;
}
interface FoundIndex {
  readonly name: string;
  readonly primary: boolean;
  readonly identity: boolean;
  readonly columns: readonly string[];
}

const DESCRIBE = `
  SELECT c.oid::text AS oid, c.relkind::text AS kind, c.relreplident::text AS identity,
    (SELECT json_agg(json_build_object('name', a.attname, 'type', t.typname, 'list', t.typcategory = 'A',
         'cast', format_type(a.atttypid, NULL), 'generated', a.attgenerated, 'required', a.attnotnull) ORDER BY a.attnum)
       FROM pg_attribute a JOIN pg_type ty ON ty.oid = a.atttypid
         JOIN pg_type t ON t.oid = CASE WHEN ty.typtype = 'd' THEN ty.typbasetype ELSE ty.oid END
       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)::text AS columns,
    (SELECT json_agg(json_build_object('name', i.indexrelid::regclass::text, 'primary', i.indisprimary,
         'identity', i.indisreplident, 'columns', (SELECT json_agg(a.attname ORDER BY k.n)
           FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, n)
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum WHERE k.n <= i.indnkeyatts)))
       FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
         AND i.indexprs IS NULL)::text AS indexes
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2`;

/**
 * Looks at a table. A stored generated column is taken where the capture tells of it (`generated`); a virtual one never.
 */
export async function describe(session: Session, plan: TablePlan, generated: boolean): Promise<Table | Flaw> {
  const [schema, name] = nameOf(plan.table);
  const text = `${schema}.${name}`;
  const [row] = await session.query<{ [column in keyof Found]: string }>(DESCRIBE, [schema, name]);
  if (row === undefined) return { flaw: `There is no table ${text}: make it, or correct its name.` };
  const found: Found = { ...row, columns: JSON.parse(row.columns), indexes: JSON.parse(row.indexes) };
  if (!["r", "p"].includes(found.kind)) return { flaw: `${text} is no table: only tables can be adopted.` };
  const there = (found.columns ?? []).filter(
    (column) => column.generated === "" || (generated && column.generated === "s"),
  );
  const primary = found.indexes?.find((index) => index.primary);
  const key = plan.key ?? primary?.columns;
  if (key === undefined) {
    const cure = `ALTER TABLE ${text} ADD PRIMARY KEY (…)`;
    return { flaw: `${text} has no primary key, by which a row could be told from another: ${cure}.` };
  }
  const unique = found.indexes?.find((index) => sameSet(index.columns, key));
  if (unique === undefined) {
    const cure = `ALTER TABLE ${text} ADD UNIQUE (${key.join(", ")})`;
    return { flaw: `The key (${key.join(", ")}) of ${text} is not unique: ${cure}, or name another key.` };
  }
  const nullable = there.find(({ name: its, required }) => key.includes(its) && !required);
  if (nullable !== undefined) {
    const cure = `ALTER TABLE ${text} ALTER ${nullable.name} SET NOT NULL`;
    return { flaw: `The column ${nullable.name} is in the key of ${text} and may be NULL: ${cure}.` };
  }
  const identity = identityOf(found, primary);
  if (identity !== null && !key.every((column) => identity.includes(column))) {
    const cure = `ALTER TABLE ${text} REPLICA IDENTITY FULL`;
    return { flaw: `PostgreSQL does not tell by which key a row of ${text} is deleted: ${cure}.` };
  }
  const wanted = plan.columns === undefined ? null : Object.entries(plan.columns);
  const missing = wanted?.find(([, column]) => !there.some((one) => one.name === columnName(column)));
  if (missing !== undefined)
    return { flaw: `${text} has no column ${columnName(missing[1])}: add it, or leave it out.` };
  const columns = there.flatMap((column) => {
    const entry = wanted?.find(([, one]) => columnName(one) === column.name);
    const inKey = key.includes(column.name);
    if (wanted !== null && entry === undefined && !inKey) return [];
    const as = isObject(entry?.[1]) ? (entry?.[1] as { as?: "number" }).as : undefined;
    const atom = wanted !== null ? (entry?.[0] ?? null) : column.name;
    const { name: its, type, cast, list } = column;
    return [{ name: its, atom: atom === "id" ? null : atom, kind: kindOf(type, list, as), type: cast, inKey }];
  });
  const unfit = columns.find(({ atom, name: its, inKey }) => its === "id" && !inKey && atom === null);
  if (unfit !== undefined)
    return { flaw: `The column id of ${text} is not its key: name it otherwise with \`columns\`.` };
  const ordered = key.map((column) => columns.find((one) => one.name === column) as Column);
  const sql = `${quote(schema)}.${quote(name)}`;
  const bare = { collection: plan.collection, text, sql, oid: Number(found.oid), columns, key: ordered };
  return { ...bare, unique: unique.name, shape: JSON.stringify([found.oid, columns, key]) };
}

/** The columns that a deletion tells; null: all. */
function identityOf({ identity, indexes }: Found, primary: FoundIndex | undefined): readonly string[] | null {
  if (identity === "f") return null;
  if (identity === "i") return indexes?.find((index) => index.identity)?.columns ?? [];
  return identity === "d" ? (primary?.columns ?? []) : [];
}

function columnName(plan: string | { readonly column: string }): string {
  return typeof plan === "string" ? plan : plan.column;
}

function nameOf(text: string): [schema: string, name: string] {
  const cut = text.indexOf(".");
  return cut < 0 ? ["public", text] : [text.slice(0, cut), text.slice(cut + 1)];
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item) => b.includes(item));
}

/** A row as a record's id and atoms. `told` gives a column's text, null for NULL, undefined for one that was not told. */
export function readRow(
  table: Table,
  told: (column: string) => string | null | undefined,
): { readonly id: string; readonly atoms: JsonObject; readonly keep: readonly string[] } {
  const atoms: { [atom: string]: Json } = {};
  const keep: string[] = [];
  for (const { name, atom, kind } of table.columns) {
    if (atom === null) continue;
    const text = told(name);
    if (text === undefined) keep.push(atom);
    else if (text !== null) atoms[atom] = jsonOf(kind, text);
  }
  return { id: idOf(table.key.map(({ name }) => told(name) ?? "")), atoms, keep };
}
