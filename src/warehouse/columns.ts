import type { Json } from "../util/json.ts";
import { joined, type Type, typeOf } from "./values.ts";

/** An atom and the column that it is kept in. */
export interface Column {
  readonly atom: string;
  readonly name: string;
  readonly type: Type;
}

/** Why a table rests: an atom got values that its column cannot take. */
export interface Pause {
  readonly atom: string;
  readonly from: Type;
  readonly to: Type;
  /** The record that brought it. */
  readonly id: string;
}

export interface Growth {
  /** The columns afterwards. */
  readonly columns: readonly Column[];
  readonly added: readonly Column[];
  readonly widened: readonly { readonly from: Column; readonly to: Column }[];
}

/** Bytes of the longest name in PostgreSQL, less room for a number. */
const LONGEST = 58;

/**
 * What becomes of a table's columns when these records come in (X5). `whole`: the table is being built anew, so that every
 * mixture of values finds a column.
 */
export function grown(
  columns: readonly Column[],
  reserved: readonly string[],
  records: Iterable<{ readonly id: string; readonly atoms: { readonly [atom: string]: Json } }>,
  whole: boolean,
): Growth | Pause {
  const types = new Map<string, Type>(columns.map(({ atom, type }) => [atom, type]));
  for (const { id, atoms } of records) {
    for (const atom in atoms) {
      const to = typeOf(atoms[atom] as Json);
      if (to === null || atom === "id") continue;
      const from = types.get(atom);
      if (from === to) continue;
      const type = from === undefined ? to : joined(from, to, whole);
      if (type === null) return { atom, from: from as Type, to, id };
      types.set(atom, type);
    }
  }
  const taken = new Set([...reserved, ...columns.map(({ name }) => name)].map((name) => name.toLowerCase()));
  const known = new Map(columns.map((column) => [column.atom, column]));
  const added: Column[] = [];
  const widened: { from: Column; to: Column }[] = [];
  const after: Column[] = [];
  for (const [atom, type] of types) {
    const column = known.get(atom);
    const next = column === undefined ? { atom, name: freeName(atom, taken), type } : { ...column, type };
    if (column === undefined) added.push(next);
    else if (column.type !== type) widened.push({ from: column, to: next });
    after.push(next);
  }
  return { columns: after, added, widened };
}

export function isPause(growth: Growth | Pause): growth is Pause {
  return "id" in growth;
}

/** Databases compare names of columns and tables without case, or cut long ones. */
export function freeName(wanted: string, taken: Set<string>): string {
  let name = wanted.length > LONGEST + 5 ? wanted.slice(0, LONGEST) : wanted;
  for (let i = 2; taken.has(name.toLowerCase()); i++) name = `${wanted.slice(0, LONGEST)}_${i}`;
  taken.add(name.toLowerCase());
  return name;
}
