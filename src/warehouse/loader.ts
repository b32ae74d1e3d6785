import { compareKeys, keyOf, type RecordData, type Revision } from "../model/record.ts";
import type { PatchLine, PutLine, RemoveLine } from "../wire/lines.ts";
import type { Exporter } from "./personal.ts";
import { reservedNames } from "./shape.ts";
import type { Field, Session, StoredRow } from "./sink.ts";
import type { Leaving, TableSet } from "./tables.ts";
import type { Stored } from "./values.ts";

/** Records that are written at once. */
const BATCH = 10_000;
/** Characters of records that are written at once, where they are written as they came. */
const LOAD = 16 * 1_048_576;

/** The warehouse lacks a record that the server takes to be there: the table has to be copied anew (P13). */
export class Damage extends Error {
  override name = "Damage";
  readonly collection: string;
  constructor(collection: string) {
    super(`${collection} does not hold what it should`);
    this.collection = collection;
  }
}

/** Where the records of a line begin. */
const RECORDS = '"records":';

type Op = Leaving & { readonly op: "put" | "patch" | "remove"; readonly at: Revision };

interface LoaderOptions {
  readonly session: Session;
  readonly exporter: Exporter;
  readonly tables: TableSet;
  /** Collections that are wanted; null: all. */
  readonly collections: readonly string[] | null;
  /** ISO 8601. */
  readonly now: string;
  /** Whether a row whose record is gone stays, marked. */
  readonly soft: boolean;
  readonly copy: boolean;
  /** Before values are erased. */
  readonly onErase: () => Promise<void>;
}

/** Takes the record lines of one subscription, and writes them in batches. */
export class Loader {
  readonly #options: LoaderOptions;
  /** Ops that wait, by collection; of several for one record the last counts, laid over those before. */
  readonly #waiting = new Map<string, Map<string, Op>>();
  /** New records of the copy's pages that wait, by collection. */
  readonly #fresh = new Map<string, Op[]>();
  /** Whether what comes are a copy's pages from its beginning, in the order of keys, so that nothing of it is there yet. */
  #pages: boolean;
  /** Of them those that can be written as they came. */
  readonly #texts = new Map<string, { readonly at: Revision; readonly records: string[] }>();
  #last: string | null = null;
  #count = 0;
  #characters = 0;
  /** Records that came. */
  taken = 0;

  constructor(options: LoaderOptions, beginning = false) {
    this.#options = options;
    this.#pages = options.copy && beginning;
  }

  async take(line: PutLine | PatchLine | RemoveLine, text: string): Promise<void> {
    const { exporter } = this.#options;
    const { collection, at } = line;
    if (line.op === "remove" && line.erased) await this.#erase(line);
    if (!this.#wants(collection)) return;
    if (line.op === "remove") {
      this.#pages = false;
      for (const id of line.ids)
        this.#push(collection, { op: "remove", id: exporter.id(collection, id), atoms: {}, at });
      this.taken += line.ids.length;
    } else {
      this.#pages &&= line.op === "put" && this.#follows(collection, line.records);
      this.taken += line.records.length;
      if (this.#pages && (await this.#takeText(line, text))) return;
      for (const record of line.records) {
        const id = exporter.id(collection, record.id);
        const op: Op = { op: line.op, id, atoms: exporter.atoms(collection, record), at };
        if (this.#pages) this.#pushFresh(collection, op);
        else this.#push(collection, op);
      }
    }
    if (this.#count >= BATCH) await this.flush();
  }

  /**
   * Takes new records as the text that they came as; says whether that can be. Databases differ in what they make of
   * escapes such as U+0000.
   */
  async #takeText({ collection, at, records }: PutLine | PatchLine, text: string): Promise<boolean> {
    const { exporter, tables } = this.#options;
    if (tables.mode === "append" || !exporter.open || !text.endsWith("]}") || text.includes("\\u")) return false;
    if (!tables.holds(collection, records)) {
      // What waits is to be written with the types that it was found to have.
      await this.flush();
      await tables.grow(
        collection,
        records.map((record) => ({ id: record.id, atoms: record })),
      );
      if (!tables.holds(collection, records)) return false;
    }
    let waiting = this.#texts.get(collection);
    if (waiting?.at !== at) {
      if (waiting !== undefined) await this.flush();
      waiting = { at, records: [] };
      this.#texts.set(collection, waiting);
    }
    waiting.records.push(text.slice(text.indexOf(RECORDS) + RECORDS.length, -1));
    this.#characters += text.length;
    if (this.#characters >= LOAD) await this.flush();
    return true;
  }

  async flush(): Promise<void> {
    this.#count = 0;
    this.#characters = 0;
    for (const [collection, { at, records }] of this.#texts) {
      this.#texts.delete(collection);
      await this.#load(collection, at, records);
    }
    for (const [collection, ops] of this.#fresh) {
      this.#fresh.delete(collection);
      await this.#options.tables.grow(collection, ops);
      await this.#insert(collection, ops);
    }
    for (const [collection, ops] of this.#waiting) {
      this.#waiting.delete(collection);
      await this.#options.tables.grow(collection, ops.values());
      if (this.#options.tables.mode === "append") await this.#insert(collection, [...ops.values()]);
      else await this.#apply(collection, [...ops.values()]);
    }
  }

  /** Of records that were erased no table holds a value, also one that rests: what is left of a row says that it was there. */
  async #erase({ collection, at, ids }: RemoveLine): Promise<void> {
    const { collections, tables, session, exporter, soft, now, onErase } = this.#options;
    if (collections !== null && !collections.includes(collection)) return;
    await this.flush();
    const known = tables.tables[collection];
    if (known === undefined) return;
    await onErase();
    const table = tables.named(collection);
    const own = ids.map((id) => exporter.id(collection, id));
    if (tables.mode === "history" || (tables.mode === "current" && !soft)) {
      await session.apply({ do: "remove", table, ids: own });
      return;
    }
    const empty = Object.fromEntries(known.columns.map(({ name }) => [name, null]));
    const gone = tables.mode === "current" ? { _rev: at, _synced_at: now, _deleted_at: now } : {};
    const rows = own.map((id) => ({ id, ...empty, ...gone }));
    await session.apply({ do: "patch", table, where: null, ...named(tables.fields(collection), rows) });
  }

  #wants(collection: string): boolean {
    const { collections, tables } = this.#options;
    return (collections === null || collections.includes(collection)) && !tables.isPaused(collection);
  }

  /** Whether these come behind all that the copy has brought, and so cannot be there. */
  #follows(collection: string, records: readonly RecordData[]): boolean {
    let last = this.#last;
    for (const { id } of records) {
      const key = keyOf(collection, id);
      if (last !== null && compareKeys(key, last) <= 0) return false;
      last = key;
    }
    this.#last = last;
    return true;
  }

  #pushFresh(collection: string, op: Op): void {
    const ops = this.#fresh.get(collection);
    if (ops === undefined) this.#fresh.set(collection, [op]);
    else ops.push(op);
    this.#count++;
  }

  #push(collection: string, op: Op): void {
    let ops = this.#waiting.get(collection);
    if (ops === undefined) {
      ops = new Map();
      this.#waiting.set(collection, ops);
    }
    const before = ops.get(op.id);
    const laid = op.op === "patch" && before !== undefined && before.op !== "remove";
    ops.set(op.id, laid ? { ...op, op: before.op, atoms: { ...before.atoms, ...op.atoms } } : op);
    this.#count++;
  }

  async #load(collection: string, at: Revision, records: readonly string[]): Promise<void> {
    const { session, tables } = this.#options;
    const all = tables.fields(collection);
    const row = this.#row(collection, { op: "put", id: "", atoms: {}, at });
    const isCommon = ({ name }: Field) => name !== "id" && Object.hasOwn(row, name);
    const system = reservedNames(tables.mode);
    await session.apply({
      do: "load",
      table: tables.named(collection),
      fields: all.filter(({ name }) => name === "id" || !system.includes(name)),
      records,
      common: all.filter(isCommon),
      row,
    });
  }

  async #insert(collection: string, ops: readonly Op[]): Promise<void> {
    const { session, tables } = this.#options;
    const rows = ops.map((op) => this.#row(collection, op));
    await session.apply({ do: "insert", table: tables.named(collection), fields: tables.fields(collection), rows });
  }

  async #apply(collection: string, ops: readonly Op[]): Promise<void> {
    const { session, tables } = this.#options;
    const table = tables.named(collection);
    const of = (wanted: Op["op"]) => ops.filter(({ op }) => op === wanted);
    const puts = of("put").map((op) => this.#row(collection, op));
    const fields = tables.fields(collection);
    if (puts.length > 0) await session.apply({ do: "put", table, fields, rows: puts });
    const patches = of("patch").map((op) => this.#row(collection, op));
    if (patches.length > 0) {
      const changed = await session.apply({ do: "patch", table, where: this.#where, ...named(fields, patches) });
      if (changed !== patches.length) throw new Damage(collection);
    }
    await this.#remove(collection, of("remove"));
  }

  get #where(): string | null {
    return this.#options.tables.mode === "current" ? "_deleted_at" : null;
  }

  async #remove(collection: string, ops: readonly Op[]): Promise<void> {
    if (ops.length === 0) return;
    const { session, tables, soft, now } = this.#options;
    const table = tables.named(collection);
    if (!soft || tables.mode !== "current") {
      await session.apply({ do: "remove", table, ids: ops.map(({ id }) => id) });
      return;
    }
    const rows = ops.map(({ id, at }) => ({ id, _rev: at, _synced_at: now, _deleted_at: now }));
    await session.apply({ do: "patch", table, where: this.#where, ...named(tables.fields(collection), rows) });
  }

  #row(collection: string, op: Op): StoredRow {
    const { tables, now } = this.#options;
    const row: { [column: string]: Stored } = tables.row(collection, op);
    row.id = op.id;
    if (tables.mode === "history") {
      // Of a copy: what it says gets its revision when it ends.
      row._valid_from = 0;
      row._exact = false;
      return row;
    }
    row._rev = op.at;
    row._synced_at = now;
    if (tables.mode === "append") {
      row._op = this.#options.copy && op.op === "put" ? "copy" : op.op;
      row._atoms = JSON.stringify(Object.keys(op.atoms).filter((atom) => atom !== "id"));
    }
    return row;
  }
}

/** Those fields that any of the rows names. */
function named(fields: readonly Field[], rows: readonly StoredRow[]) {
  const names = new Set(rows.flatMap((row) => Object.keys(row)));
  return { fields: fields.filter(({ name }) => names.has(name)), rows };
}
