import { access, constants } from "node:fs/promises";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import type { Json } from "../../../util/json.ts";
import { SourceError } from "../../source.ts";
import type { MarkValue } from "../../watermark.ts";
import { cursorOf, markValueOf, PAGE, type Part, type Snapshot, type SqlRow, type SqlTable } from "../sql/table.ts";

/** Milliseconds that another program's lock is waited for. */
const LOCK_WAIT = 5_000;

type Cell = null | number | bigint | string | Uint8Array;
type Row = { readonly [column: string]: Cell };

/**
 * A table of a SQLite file, page by page. In WAL mode all pages are of one instant; otherwise each is of its own, since a
 * reader that stays would keep the writers out.
 */
export class SqliteSnapshot implements Snapshot {
  readonly start: number;
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #table: SqlTable;
  readonly #columns: readonly string[];
  readonly #cursor: string | null;

  private constructor(db: DatabaseSync, path: string, table: SqlTable, start: number) {
    this.#db = db;
    this.#path = path;
    this.#table = table;
    this.start = start;
    this.#cursor = cursorOf(table)?.column ?? null;
    this.#columns = this.#described();
    const [mode] = this.#ask("PRAGMA journal_mode", []);
    if (mode?.["journal_mode"] === "wal") db.exec("BEGIN");
  }

  static async open(path: string, table: SqlTable, start: number): Promise<SqliteSnapshot> {
    await access(path, constants.R_OK).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "EACCES")
        throw new SourceError("denied", `${path} may not be read by this user`, { cause: error });
      throw new SourceError("unreachable", `${path} cannot be read: is it there?`, { cause: error });
    });
    let db: DatabaseSync | null = null;
    try {
      db = new DatabaseSync(path, { readOnly: true, timeout: LOCK_WAIT });
      return new SqliteSnapshot(db, path, table, start);
    } catch (error) {
      db?.close();
      throw failureOf(error, path);
    }
  }

  async *pages(part: Part): AsyncGenerator<readonly SqlRow[]> {
    let after: readonly Cell[] | null = null;
    for (;;) {
      const { text, values } = this.#statement(part, after);
      const found = this.#ask(text, values);
      if (found.length > 0) yield found.map((row) => this.#rowOf(row));
      const last = found.at(-1);
      if (last === undefined || found.length < PAGE || part.of === "keyless") return;
      const order = part.of === "valued" ? [this.#cursor as string, ...this.#table.key] : this.#table.key;
      after = order.map((column) => last[column] ?? null);
    }
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  #statement(part: Part, after: readonly Cell[] | null): { text: string; values: readonly Cell[] } {
    const key = this.#table.key.map(quote);
    const order = part.of === "valued" ? [quote(this.#cursor as string), ...key] : key;
    const where: string[] = [];
    const values: Cell[] = [];
    if (part.of === "keyless") where.push(`(${key.map((column) => `${column} IS NULL`).join(" OR ")})`);
    else where.push(...key.map((column) => `${column} IS NOT NULL`));
    if (part.of === "unvalued") where.push(`${quote(this.#cursor as string)} IS NULL`);
    if (part.of === "valued") {
      const [column] = order;
      where.push(`${column} IS NOT NULL`);
      for (const [sign, bound] of [
        [">=", part.from],
        ["<", part.to],
      ] as const) {
        if (bound === null) continue;
        where.push(`${column} ${sign} ?`);
        values.push(cellOf(bound));
      }
    }
    if (after !== null) {
      where.push(`(${order.join(", ")}) > (${order.map(() => "?").join(", ")})`);
      values.push(...after);
    }
    const list = this.#columns.map(quote).join(", ");
    const from = `FROM ${quote(this.#table.table)} WHERE ${where.join(" AND ")}`;
    return { text: `SELECT ${list} ${from} ORDER BY ${order.join(", ")} LIMIT ${PAGE}`, values };
  }

  #ask(text: string, values: readonly Cell[]): readonly Row[] {
    try {
      const statement = this.#db.prepare(text);
      statement.setReadBigInts(true);
      return statement.all(...(values as SQLInputValue[])) as unknown as readonly Row[];
    } catch (error) {
      throw failureOf(error, this.#path);
    }
  }

  /** The columns to read. */
  #described(): readonly string[] {
    const { table, key, columns, deleted } = this.#table;
    const found = this.#ask(`PRAGMA table_info(${quote(table)})`, []).map((row) => String(row["name"]));
    if (found.length === 0)
      throw new SourceError("protocol", `${this.#path} has no table ${table}: correct its name, or the file's`);
    const named = [
      ...key,
      ...(this.#cursor === null ? [] : [this.#cursor]),
      ...(deleted === undefined ? [] : [deleted]),
    ];
    const wanted = columns === undefined ? found : [...new Set([...named, ...columns])];
    const lacks = [...named, ...wanted].find((column) => !found.includes(column));
    if (lacks !== undefined)
      throw new SourceError("protocol", `${this.#path}: ${table} has no column ${lacks}: it has ${found.join(", ")}`);
    return wanted;
  }

  #rowOf(row: Row): SqlRow {
    const v = this.#cursor === null ? null : (row[this.#cursor] ?? null);
    if (v instanceof Uint8Array)
      throw new SourceError(
        "protocol",
        `${this.#path}: ${this.#cursor} of ${this.#table.table} holds bytes, by which nothing is ordered`,
      );
    return {
      key: this.#table.key.map((column) => textOf(row[column] ?? null)),
      v: v === null ? null : markValueOf(v),
      value: Object.fromEntries(Object.entries(row).map(([column, cell]) => [column, jsonOf(cell)])),
    };
  }
}

function jsonOf(cell: Cell): Json {
  if (typeof cell === "bigint") return Number.isSafeInteger(Number(cell)) ? Number(cell) : String(cell);
  if (cell instanceof Uint8Array) return Buffer.from(cell).toString("base64");
  return typeof cell === "number" && !Number.isFinite(cell) ? String(cell) : cell;
}

function textOf(cell: Cell): string | null {
  return cell === null ? null : String(jsonOf(cell));
}

/** Whole numbers go as such: a column without a type would hold a double for another value. */
function cellOf(value: MarkValue): Cell {
  if (typeof value === "string") return /^\d{20}$/.test(value) ? BigInt(value) : value;
  return Number.isInteger(value) ? BigInt(value) : value;
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** SQLite's primary result codes: https://www.sqlite.org/rescode.html */
const FAILURES: { readonly [code: number]: readonly ["busy" | "denied" | "unreachable" | "protocol", string] } = {
  5: ["busy", "another program holds it locked"],
  6: ["busy", "another program holds it locked"],
  10: ["unreachable", "it cannot be read from the disk"],
  11: ["protocol", "it is damaged"],
  14: ["unreachable", "it cannot be opened: may this user write beside it, as a database in WAL mode needs?"],
  23: ["denied", "it may not be read"],
  26: ["protocol", "it is no SQLite database, or it is encrypted"],
};

function failureOf(error: unknown, path: string): unknown {
  const { errcode, message } = error as Error & { errcode?: number };
  if (error instanceof SourceError || errcode === undefined) return error;
  const [code, what] = FAILURES[errcode & 0xff] ?? ["protocol", "SQLite refuses the question"];
  return new SourceError(code, `${path}: ${what} (${message})`, { cause: error });
}
