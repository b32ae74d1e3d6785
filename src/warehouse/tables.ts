import type { RecordData } from "../model/record.ts";
import type { Json } from "../util/json.ts";
import { type Column, freeName, grown, isPause, type Pause } from "./columns.ts";
import { fieldsOf, keyFields, reservedNames } from "./shape.ts";
import type { Field, Session } from "./sink.ts";
import { type Mode, STATE, type Table, type Tables } from "./state.ts";
import { type Stored, stored, type Type, typeOf } from "./values.ts";

/** A record as it leaves for the warehouse. */
export interface Leaving {
  readonly id: string;
  readonly atoms: { readonly [atom: string]: Json };
}

/** A table cannot take what came: it is to rest (X6). */
export class Pausing extends Error {
  override name = "Pausing";
  readonly collection: string;
  readonly pause: Pause;
  constructor(collection: string, pause: Pause) {
    super(`${collection} cannot take what came`);
    this.collection = collection;
    this.pause = pause;
  }
}

interface TablesOptions {
  readonly session: Session;
  readonly mode: Mode;
  readonly tables: Tables;
  /** What their names end with: "" for those that are shown. */
  readonly suffix: string;
  /** They are being built anew: nothing pauses. */
  readonly whole: boolean;
}

/** A generation of tables, whose columns grow with what comes. */
export class TableSet {
  readonly #options: TablesOptions;
  #tables: Tables;
  readonly #types = new WeakMap<readonly Column[], ReadonlyMap<string, Type> | null>();

  constructor(options: TablesOptions) {
    this.#options = options;
    this.#tables = options.tables;
  }

  get tables(): Tables {
    return this.#tables;
  }

  get mode(): Mode {
    return this.#options.mode;
  }

  /** As it stands in the warehouse. */
  named(collection: string): string {
    return `${this.#tables[collection]?.name ?? collection}${this.#options.suffix}`;
  }

  fields(collection: string): readonly Field[] {
    return fieldsOf(this.mode, this.#tables[collection]?.columns ?? []);
  }

  isPaused(collection: string): boolean {
    return (this.#tables[collection]?.paused ?? null) !== null;
  }

  /**
   * Whether the values of these records stand in their columns as they are: of the column's own type, under the atom's own
   * name.
   */
  holds(collection: string, records: readonly RecordData[]): boolean {
    const types = this.#plain(collection);
    if (types === null) return false;
    for (const record of records) {
      for (const atom in record) {
        const type = typeOf(record[atom] as Json);
        if (type === null) continue;
        const held = types.get(atom);
        if (held !== type && !(held === "double" && type === "bigint")) return false;
      }
    }
    return true;
  }

  /** The types by atom; null where a column has another name, or holds what is written as JSON. */
  #plain(collection: string): ReadonlyMap<string, Type> | null {
    const { columns } = this.#tables[collection] ?? { columns: [] };
    const known = this.#types.get(columns);
    if (known !== undefined) return known;
    const plain = columns.every(({ atom, name, type }) => atom === name && type !== "json");
    const types = plain
      ? new Map<string, Type>([["id", "text"], ...columns.map((c) => [c.atom, c.type] as const)])
      : null;
    this.#types.set(columns, types);
    return types;
  }

  /** Makes the table ready for what comes. */
  async grow(collection: string, records: Iterable<Leaving>): Promise<void> {
    const { session, whole } = this.#options;
    const table = this.#tables[collection] ?? (await this.create(collection, null));
    const growth = grown(table.columns, reservedNames(this.mode), records, whole);
    if (isPause(growth)) throw new Pausing(collection, growth);
    if (growth.added.length === 0 && growth.widened.length === 0) return;
    const name = this.named(collection);
    for (const field of growth.added) await session.apply({ do: "add", table: name, field });
    for (const { from, to } of growth.widened)
      await session.apply({ do: "widen", table: name, name: to.name, from: from.type, to: to.type });
    this.#tables = { ...this.#tables, [collection]: { ...table, columns: growth.columns } };
  }

  /** An empty table, with the columns of another generation or none. */
  async create(collection: string, like: Table | null): Promise<Table> {
    const taken = new Set([STATE, ...Object.values(this.#tables).map(({ name }) => name.toLowerCase())]);
    const table: Table = like ?? { name: freeName(collection, taken), columns: [], paused: null };
    this.#tables = { ...this.#tables, [collection]: { ...table, paused: null } };
    await this.#options.session.apply({
      do: "create",
      table: this.named(collection),
      fields: this.fields(collection),
      key: keyFields(this.mode),
    });
    return table;
  }

  /** The columns of a record: those that it names, or, with `whole`, that stand for what it names. */
  row(collection: string, { atoms }: Leaving): { [column: string]: Stored } {
    const row: { [column: string]: Stored } = {};
    for (const { atom, name, type } of this.#tables[collection]?.columns ?? []) {
      if (Object.hasOwn(atoms, atom)) row[name] = stored(atoms[atom] as Json, type);
    }
    return row;
  }

  async drop(): Promise<void> {
    for (const collection of Object.keys(this.#tables)) {
      await this.#options.session.apply({ do: "drop", table: this.named(collection) });
    }
    this.#tables = {};
  }
}
