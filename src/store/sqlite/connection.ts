import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementResultingChanges, type StatementSync } from "node:sqlite";
import { StoreError } from "../store.ts";
import { isBusy, storeFailure } from "./failure.ts";
import { Names } from "./names.ts";
import { FORMAT, formatOf, migrate } from "./tables.ts";

export const MEMORY = ":memory:";
export const FILE = "tidemark.db";

/** How long a reader waits for a lock that SQLite takes for a moment, when it recovers or checkpoints. */
const LOCK_WAIT_MS = 5000;
/** Of 4 KiB: 16 MiB. Enough that many commits share a checkpoint, little enough that one does not hold up a push. */
const CHECKPOINT_PAGES = 4000;
/** What is left of a log that a large commit or a long read has made longer. */
const LOG_BYTES = 64 * 1024 * 1024;
const CACHE_KIB = 64 * 1024;

/** One open database: statements that are kept, transactions, and failures in the store's words. */
export class Connection {
  readonly db: DatabaseSync;
  readonly path: string;
  readonly names: Names;
  readonly readonly: boolean;
  readonly #lock: DatabaseSync | null;
  readonly #statements = new Map<string, StatementSync>();

  private constructor(db: DatabaseSync, path: string, readonly: boolean, lock: DatabaseSync | null) {
    this.db = db;
    this.path = path;
    this.readonly = readonly;
    this.#lock = lock;
    this.names = new Names(this);
  }

  /** Opens the database of a folder for writing, and keeps every other writer out until it is closed. */
  static writer(folder: string): Connection {
    if (folder === MEMORY) return Connection.#memory();
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const lock = lockFolder(folder);
    const path = join(folder, FILE);
    try {
      // Made here so that nobody else can read it; SQLite gives the files beside it the same mode.
      closeSync(openSync(path, "a", 0o600));
      return Connection.#open(path, false, lock);
    } catch (error) {
      lock.close();
      throw storeFailure(error, path);
    }
  }

  /** Opens a folder's database for reading only, also while a server has it. */
  static reader(folder: string): Connection {
    if (folder === MEMORY) return Connection.#memory();
    const path = join(folder, FILE);
    if (!existsSync(path)) throw new StoreError("unavailable", `There is no Tidemark database in ${folder}.`);
    try {
      return Connection.#open(path, true, null);
    } catch (error) {
      throw storeFailure(error, path);
    }
  }

  static #memory(): Connection {
    const db = new DatabaseSync(MEMORY);
    migrate(db, MEMORY);
    return new Connection(db, MEMORY, false, null);
  }

  static #open(path: string, readonly: boolean, lock: DatabaseSync | null): Connection {
    const db = new DatabaseSync(path, { readOnly: readonly, timeout: LOCK_WAIT_MS });
    try {
      db.exec(`PRAGMA cache_size = -${CACHE_KIB}; PRAGMA temp_store = MEMORY`);
      if (readonly) assertCurrent(db, path);
      else {
        formatOf(db, path);
        // FULL: a commit is synced to the disk before it is acknowledged (W8).
        db.exec(
          `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
           PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA journal_size_limit = ${LOG_BYTES}`,
        );
        migrate(db, path);
      }
      return new Connection(db, path, readonly, lock);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** The first row of an answer. The type is that of the statement's columns. */
  one<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...values) as Row | undefined;
  }

  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }

  iterate<Row>(sql: string, ...values: SQLInputValue[]): Iterable<Row> {
    return this.#statement(sql).iterate(...values) as Iterable<Row>;
  }

  run(sql: string, ...values: SQLInputValue[]): StatementResultingChanges {
    return this.#statement(sql).run(...values);
  }

  /** Everything read by `work` stands at one moment. */
  read<T>(work: () => T): T {
    return this.#transaction("BEGIN", work);
  }

  /** Everything written by `work` is committed and durable when this returns; if it throws, nothing was written. */
  write<T>(work: () => T): T {
    if (this.readonly) throw new StoreError("unavailable", `${this.path} is open for reading only.`);
    return this.#transaction("BEGIN IMMEDIATE", work);
  }

  /**
   * Writes the database anew: nothing of what was removed or replaced is left in its file, nor in the log beside it. SQLite
   * else leaves it in free pages and free parts of pages. Nobody writes meanwhile; it takes the room of the database again.
   *
   * @throws StoreError where another process reads for so long that the log cannot be emptied.
   */
  rewrite(): void {
    if (this.path === MEMORY) return;
    try {
      // The copy that it makes may be larger than the memory.
      this.db.exec("PRAGMA temp_store = FILE; PRAGMA secure_delete = ON; VACUUM");
      const emptied = this.db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
      if (emptied?.busy === 0) return;
      throw new StoreError(
        "unavailable",
        `${this.path}-wal still holds what was erased, since another process reads it: end that one, and repeat the order.`,
      );
    } catch (error) {
      throw storeFailure(error, this.path);
    } finally {
      if (this.db.isOpen) this.db.exec("PRAGMA temp_store = MEMORY; PRAGMA secure_delete = OFF");
    }
  }

  close(): void {
    if (!this.db.isOpen) return;
    this.#statements.clear();
    this.db.close();
    this.#lock?.close();
  }

  #transaction<T>(begin: string, work: () => T): T {
    if (!this.db.isOpen) throw new StoreError("unavailable", `${this.path} has been closed.`);
    try {
      this.#statement(begin).run();
      const result = work();
      this.#statement("COMMIT").run();
      return result;
    } catch (error) {
      this.names.forget();
      // SQLite has rolled back by itself after some failures.
      if (this.db.isTransaction) this.db.exec("ROLLBACK");
      throw storeFailure(error, this.path);
    }
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function assertCurrent(db: DatabaseSync, path: string): void {
  const format = formatOf(db, path);
  if (format < FORMAT) {
    throw new StoreError(
      "unavailable",
      `${path} has format ${format} and needs ${FORMAT}: start the server on it once.`,
    );
  }
}

/**
 * Takes a folder for one process. The lock is the operating system's, held on an empty database beside the data: it
 * goes with the process, however that ends, and readers of the data never meet it.
 */
export function lockFolder(folder: string): DatabaseSync {
  const path = join(folder, "lock.db");
  closeSync(openSync(path, "a", 0o600));
  const lock = new DatabaseSync(path, { timeout: 0 });
  try {
    // Nothing is ever written to it: no journal needs to lie beside it.
    lock.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    if (!isBusy(error)) throw storeFailure(error, path);
    throw new StoreError(
      "unavailable",
      `${folder} is in use by another server: stop that one, or give its address instead of the folder.`,
      { cause: error },
    );
  }
}
