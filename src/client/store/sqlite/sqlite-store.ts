import { existsSync, renameSync, rmSync } from "node:fs";
import type { Key } from "../../../model/record.ts";
import type { Json } from "../../../util/json.ts";
import {
  type Adopted,
  type Batch,
  type ClientStore,
  type Content,
  type Opened,
  type RecordLine,
  type Row,
  type Span,
  StoreError,
} from "../store.ts";
import { readableNotes, storeFailure } from "./file.ts";
import { SqliteRows } from "./rows.ts";
import { StagedLines } from "./staged.ts";
import { Statements } from "./statements.ts";

export interface SqliteStoreOptions {
  /** A file, made where it is not there. It belongs to one client at a time. */
  readonly path: string;
  /** The most that the file may grow to; beyond it a write is refused as `full`. By default the disk is the limit. */
  readonly maxBytes?: number;
}

/**
 * A replica and its queue in one SQLite file. What `mutate` has made durable survives power loss (`synchronous` FULL).
 * A file that is damaged is put aside as `PATH.damaged`, and what can still be read of the queue goes into a new one (R1).
 *
 * @example createClient({ url, space, store: sqliteStore({ path: "replica.db" }) })
 */
export function sqliteStore(options: SqliteStoreOptions): ClientStore {
  return new SqliteStore(options);
}

/** A file that is open, and what stands in it. */
interface Parts {
  readonly statements: Statements;
  readonly rows: SqliteRows;
  readonly staged: StagedLines;
}

class SqliteStore implements ClientStore {
  readonly #path: string;
  readonly #maxBytes: number | undefined;
  #parts: Parts | null = null;
  /** What was found to be damaged while the file was open the last time. */
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
      this.#parts = this.#opened();
      return { damage: null };
    } catch (error) {
      const failure = storeFailure(error, this.#path);
      if (!(failure instanceof StoreError) || failure.failure !== "damaged") throw failure;
      return this.#remade(failure.message);
    }
  }

  async notes(prefix: string, limit = -1): Promise<(readonly [string, Json])[]> {
    const { statements } = this.#file;
    const sql = "SELECT name, value FROM notes WHERE name >= ? AND name < ? ORDER BY name LIMIT ?";
    // Names are ASCII, so that everything with the prefix sorts before this.
    const notes = statements.all(sql, [prefix, `${prefix}\u{10ffff}`, limit]);
    return notes.map(({ name, value }) => [name as string, statements.parsed(value, `the note ${name}`) as Json]);
  }

  async get(keys: readonly Key[]): Promise<(Row | undefined)[]> {
    return keys.map((key) => this.#file.rows.get(key));
  }

  async scan(from: Key | null, to: Key | null, limit: number): Promise<Row[]> {
    return this.#file.rows.scan(from, to, limit);
  }

  async staged(subscription: number, skip: number, limit: number): Promise<RecordLine[]> {
    return this.#file.staged.lines(subscription, skip, limit);
  }

  async spans(subscription: number): Promise<Span[]> {
    return this.#file.staged.spans(subscription);
  }

  async isFree(span: Span): Promise<boolean> {
    return this.#file.rows.isFree(span);
  }

  async stagedRows(adopt: readonly Adopted[], keys: readonly Key[]): Promise<(Row | undefined)[]> {
    return this.#file.staged.rows(adopt, keys);
  }

  async *contents(from: Key | null, to: Key | null): AsyncGenerator<Content> {
    yield* this.#file.rows.contents(from, to);
  }

  async write(batch: Batch): Promise<void> {
    this.#file.statements.transaction(batch.lazy === true, () => this.#apply(batch));
  }

  async close(): Promise<void> {
    this.#suspect ??= this.#parts?.statements.suspect ?? null;
    this.#parts?.statements.close();
    this.#parts = null;
  }

  #apply(batch: Batch): void {
    const { statements, rows, staged } = this.#file;
    for (const subscription of batch.unstage ?? []) staged.drop(subscription);
    if (batch.wipe) rows.wipe();
    for (const { subscription, lines } of batch.stage ?? []) staged.add(subscription, lines);
    for (const adopted of batch.adopt ?? []) {
      rows.adopt(adopted);
      staged.drop(adopted.subscription);
    }
    if (batch.rows !== undefined) rows.write(batch.rows);
    for (const [name, value] of batch.notes ?? []) {
      if (value === null) statements.run("DELETE FROM notes WHERE name = ?", [name]);
      else statements.run("INSERT OR REPLACE INTO notes (name, value) VALUES (?, ?)", [name, JSON.stringify(value)]);
    }
  }

  get #file(): Parts {
    if (this.#parts === null) throw new StoreError("unavailable", `${this.#path} is not open`);
    return this.#parts;
  }

  #opened(): Parts {
    const statements = new Statements(this.#path, this.#maxBytes);
    return { statements, rows: new SqliteRows(statements), staged: new StagedLines(statements) };
  }

  /** Puts the damaged file aside, and takes into a new one what can be read of its notes. */
  async #remade(damage: string): Promise<Opened> {
    await this.close();
    const notes = readableNotes(this.#path);
    for (const suffix of ["-wal", "-shm"]) rmSync(this.#path + suffix, { force: true });
    if (existsSync(this.#path)) renameSync(this.#path, `${this.#path}.damaged`);
    this.#suspect = null;
    this.#parts = this.#opened();
    await this.write({ notes });
    return { damage };
  }
}
