import { existsSync, renameSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Key } from "../../../model/record.ts";
import type { Json } from "../../../util/json.ts";
import { packedBatch } from "../block.ts";
import { storeFailure } from "../sql/failure.ts";
import { readableNotes } from "../sql/notes.ts";
import { OpenDatabase } from "../sql/open-database.ts";
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
import { openedFile } from "./file.ts";

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

class SqliteStore implements ClientStore {
  readonly #path: string;
  readonly #maxBytes: number | undefined;
  #opened: OpenDatabase | null = null;
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
      this.#opened = this.#file();
      return { damage: null };
    } catch (error) {
      const failure = storeFailure(error, this.#path);
      if (!(failure instanceof StoreError) || failure.failure !== "damaged") throw failure;
      return this.#remade(failure.message);
    }
  }

  async notes(prefix: string, limit?: number): Promise<(readonly [string, Json])[]> {
    return this.#open.notes(prefix, limit);
  }

  async get(keys: readonly Key[]): Promise<(Row | undefined)[]> {
    return this.#open.get(keys);
  }

  async scan(from: Key | null, to: Key | null, limit: number): Promise<Row[]> {
    return this.#open.scan(from, to, limit);
  }

  async staged(subscription: number, skip: number, limit: number): Promise<RecordLine[]> {
    return this.#open.staged(subscription, skip, limit);
  }

  async spans(subscription: number): Promise<Span[]> {
    return this.#open.spans(subscription);
  }

  async isFree(span: Span): Promise<boolean> {
    return this.#open.isFree(span);
  }

  async stagedRows(adopt: readonly Adopted[], keys: readonly Key[]): Promise<(Row | undefined)[]> {
    return this.#open.stagedRows(adopt, keys);
  }

  async *contents(from: Key | null, to: Key | null): AsyncGenerator<Content> {
    yield* this.#open.contents(from, to);
  }

  async write(batch: Batch): Promise<void> {
    this.#open.write(packedBatch(batch));
  }

  async close(): Promise<void> {
    this.#suspect ??= this.#opened?.suspect ?? null;
    this.#opened?.close();
    this.#opened = null;
  }

  get #open(): OpenDatabase {
    if (this.#opened === null) throw new StoreError("unavailable", `${this.#path} is not open`);
    return this.#opened;
  }

  #file(): OpenDatabase {
    return new OpenDatabase(openedFile(this.#path, this.#maxBytes), this.#path);
  }

  /** Puts the damaged file aside, and takes into a new one what can be read of its notes. */
  async #remade(damage: string): Promise<Opened> {
    await this.close();
    const notes = readableNotes(() => new DatabaseSync(this.#path, { readOnly: true }));
    for (const suffix of ["-wal", "-shm"]) rmSync(this.#path + suffix, { force: true });
    if (existsSync(this.#path)) renameSync(this.#path, `${this.#path}.damaged`);
    this.#suspect = null;
    this.#opened = this.#file();
    await this.write({ notes });
    return { damage };
  }
}
