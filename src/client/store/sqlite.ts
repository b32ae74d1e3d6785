import { existsSync, renameSync, rmSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { RecordData } from "../../model/record.ts";
import type { Json } from "../../util/json.ts";
import type { Batch, ClientStore, Opened, RecordLine, Row } from "./store.ts";
import { StoreError } from "./store.ts";

export interface SqliteStoreOptions {
  /** A file, made where it is not there. It belongs to one client at a time. */
  readonly path: string;
  /** The most that the file may grow to; beyond it a write is refused as `full`. By default the disk is the limit. */
  readonly maxBytes?: number;
}

/** Of the tables below; a file of a later one is not touched. */
const FORMAT = 1;

const TABLES = `
  CREATE TABLE records (key TEXT PRIMARY KEY, at INTEGER NOT NULL, holders TEXT NOT NULL, data TEXT NOT NULL) WITHOUT ROWID, STRICT;
  CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;
  CREATE TABLE staged (subscription INTEGER NOT NULL, position INTEGER NOT NULL, text TEXT NOT NULL, UNIQUE (subscription, position)) STRICT;
  PRAGMA user_version = ${FORMAT};
`;

/** SQLite's default. */
const PAGE_BYTES = 4_096;

/** SQLite's primary result codes: https://www.sqlite.org/rescode.html */
const CORRUPT = 11;
const FULL = 13;
const NOTADB = 26;
const UNAVAILABLE = new Set([3, 5, 6, 7, 8, 10, 14, 23]);

/**
 * A replica and its queue in one SQLite file. What `mutate` has made durable survives power loss (`synchronous` FULL).
 * A file that is damaged is put aside as `PATH.damaged`, and what can still be read of the queue goes into a new one (R1).
 *
 * @example createClient({ url, space, store: sqliteStore({ path: "replica.db" }) })
 */
export function sqliteStore(options: SqliteStoreOptions): ClientStore {
  return new SqliteStore(options);
}

class SqliteStore implements ClientStore {
  readonly #path: string;
  readonly #maxBytes: number | undefined;
  #db: DatabaseSync | null = null;
  readonly #statements = new Map<string, StatementSync>();
  /** What was found to be damaged since the file was opened. */
  #suspect: string | null = null;

  constructor({ path, maxBytes }: SqliteStoreOptions) {
    this.#path = path;
    this.#maxBytes = maxBytes;
  }

  async open(): Promise<Opened> {
    const suspect = this.#suspect;
    this.#suspect = null;
    try {
      if (suspect !== null) throw new StoreError("damaged", suspect);
      this.#db = opened(this.#path, this.#maxBytes);
      return { damage: null };
    } catch (error) {
      const failure = this.#failure(error);
      if (!(failure instanceof StoreError) || failure.failure !== "damaged") throw failure;
      return this.#remade(failure.message);
    }
  }

  async notes(prefix: string, limit = -1): Promise<(readonly [string, Json])[]> {
    const rows = this.#all("SELECT name, value FROM notes WHERE name >= ? AND name < ? ORDER BY name LIMIT ?", [
      prefix,
      // Names are ASCII, so that everything with the prefix sorts before this.
      `${prefix}\u{10ffff}`,
      limit,
    ]);
    return rows.map(({ name, value }) => [name as string, this.#parsed(value, `the note ${name}`) as Json]);
  }

  async get(keys: readonly string[]): Promise<(Row | undefined)[]> {
    return keys.map((key) => {
      const row = this.#all("SELECT key, at, holders, data FROM records WHERE key = ?", [key])[0];
      return row === undefined ? undefined : this.#row(row);
    });
  }

  async scan(from: string | null, to: string | null, limit: number): Promise<Row[]> {
    const bounds = [...(from === null ? [] : ["key >= ?"]), ...(to === null ? [] : ["key < ?"])].join(" AND ") || "1";
    const values = [from, to].filter((value) => value !== null);
    const sql = `SELECT key, at, holders, data FROM records WHERE ${bounds} ORDER BY key LIMIT ?`;
    return this.#all(sql, [...values, limit]).map((row) => this.#row(row));
  }

  async staged(subscription: number, skip: number, limit: number): Promise<RecordLine[]> {
    const sql = "SELECT text FROM staged WHERE subscription = ? AND position >= ? ORDER BY position LIMIT ?";
    return this.#all(sql, [subscription, skip, limit]).map(
      ({ text }) => this.#parsed(text, "a staged line") as RecordLine,
    );
  }

  async write(batch: Batch): Promise<void> {
    try {
      // Within WAL a lazy commit is synced with the next that is not.
      this.#open.exec(`PRAGMA synchronous = ${batch.lazy ? "NORMAL" : "FULL"}`);
      this.#open.exec("BEGIN IMMEDIATE");
      try {
        this.#apply(batch);
        this.#open.exec("COMMIT");
      } catch (error) {
        // SQLite has already rolled back after some failures, a full disk among them.
        if (this.#open.isTransaction) this.#open.exec("ROLLBACK");
        throw error;
      }
    } catch (error) {
      throw this.#failure(error);
    }
  }

  async close(): Promise<void> {
    this.#statements.clear();
    this.#db?.close();
    this.#db = null;
  }

  #apply(batch: Batch): void {
    for (const subscription of batch.unstage ?? [])
      this.#run("DELETE FROM staged WHERE subscription = ?", [subscription]);
    if (batch.wipe) this.#run("DELETE FROM records", []);
    for (const [key, row] of batch.rows ?? []) {
      if (row === null) this.#run("DELETE FROM records WHERE key = ?", [key]);
      else {
        const values = [key, row.at, row.holders.join(" "), JSON.stringify(row.data)];
        this.#run("INSERT OR REPLACE INTO records (key, at, holders, data) VALUES (?, ?, ?, ?)", values);
      }
    }
    for (const { subscription, lines } of batch.stage ?? []) {
      const next = this.#all("SELECT coalesce(max(position) + 1, 0) AS next FROM staged WHERE subscription = ?", [
        subscription,
      ]);
      let position = next[0]?.["next"] as number;
      for (const { text } of lines) {
        this.#run("INSERT INTO staged (subscription, position, text) VALUES (?, ?, ?)", [
          subscription,
          position++,
          text,
        ]);
      }
    }
    for (const [name, value] of batch.notes ?? []) {
      if (value === null) this.#run("DELETE FROM notes WHERE name = ?", [name]);
      else this.#run("INSERT OR REPLACE INTO notes (name, value) VALUES (?, ?)", [name, JSON.stringify(value)]);
    }
  }

  get #open(): DatabaseSync {
    if (this.#db === null) throw new StoreError("unavailable", `${this.#path} is not open`);
    return this.#db;
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#open.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #run(sql: string, values: readonly (string | number)[]): void {
    this.#statement(sql).run(...values);
  }

  #all(sql: string, values: readonly (string | number)[]): { [column: string]: unknown }[] {
    try {
      return this.#statement(sql).all(...values);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #row({ key, at, holders, data }: { [column: string]: unknown }): Row {
    const numbers = (holders as string).split(" ").map(Number);
    return {
      key: key as string,
      at: at as number,
      holders: numbers,
      data: this.#parsed(data, `the record ${key}`) as RecordData,
    };
  }

  #parsed(text: unknown, what: string): unknown {
    try {
      return JSON.parse(text as string);
    } catch (cause) {
      this.#suspect = `${this.#path} is damaged: ${what} is not JSON`;
      throw new StoreError("damaged", this.#suspect, { cause });
    }
  }

  /** A failure of SQLite in the store's words; anything else as it is. */
  #failure(error: unknown): unknown {
    const code = (error as { errcode?: unknown } | null)?.errcode;
    if (typeof code !== "number" || !(error instanceof Error)) return error;
    const primary = code & 0xff;
    const options = { cause: error };
    if (primary === FULL) {
      return new StoreError(
        "full",
        `no room to write ${this.#path}: free some disk space; nothing of this write was kept`,
        options,
      );
    }
    if (primary === CORRUPT || primary === NOTADB) {
      this.#suspect = `${this.#path} is damaged: ${error.message}`;
      return new StoreError("damaged", this.#suspect, options);
    }
    if (UNAVAILABLE.has(primary)) {
      const text = `${this.#path} cannot be used now (${error.message}): another process may have it, or look at the disk`;
      return new StoreError("unavailable", text, options);
    }
    return error;
  }

  /** Puts the damaged file aside, and takes into a new one what can be read of its notes. */
  async #remade(damage: string): Promise<Opened> {
    await this.close();
    const notes = readable(this.#path);
    for (const suffix of ["-wal", "-shm"]) rmSync(this.#path + suffix, { force: true });
    if (existsSync(this.#path)) renameSync(this.#path, `${this.#path}.damaged`);
    this.#suspect = null;
    this.#db = opened(this.#path, this.#maxBytes);
    await this.write({ notes });
    return { damage };
  }
}

/** The database, ours alone until it is closed: two clients on one file would give out the same mutation numbers. */
function opened(path: string, maxBytes: number | undefined): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: 1_000 });
  try {
    db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    if (maxBytes !== undefined) db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxBytes / PAGE_BYTES))}`);
    db.exec("BEGIN IMMEDIATE");
    const format = db.prepare("PRAGMA user_version").get()?.["user_version"];
    if (format === 0) db.exec(TABLES);
    db.exec("COMMIT");
    if (format !== 0 && format !== FORMAT) {
      throw new StoreError(
        "unavailable",
        `${path} was written by another version of Tidemark (format ${format}); update the application`,
      );
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Every note that can still be read from a damaged file: from both ends, as far as each of them goes. */
function readable(path: string): Map<string, Json> {
  const notes = new Map<string, Json>();
  for (const order of ["ASC", "DESC"]) {
    try {
      const db = new DatabaseSync(path, { readOnly: true });
      try {
        for (const { name, value } of db.prepare(`SELECT name, value FROM notes ORDER BY name ${order}`).iterate()) {
          const parsed = parsedNote(value);
          if (parsed !== undefined) notes.set(name as string, parsed);
        }
      } finally {
        db.close();
      }
    } catch {
      // From here on nothing can be read in this direction.
    }
  }
  return notes;
}

function parsedNote(value: unknown): Json | undefined {
  try {
    return JSON.parse(value as string) as Json;
  } catch {
    return undefined;
  }
}
