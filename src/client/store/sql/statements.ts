import { StoreError } from "../store.ts";
import type { Found, SqlDriver, SqlStatement, Value } from "./driver.ts";
import { storeFailure } from "./failure.ts";

/** One open database: its statements, each prepared once, and what was found to be damaged since it was opened. */
export class Statements {
  readonly #name: string;
  readonly #db: SqlDriver;
  readonly #prepared = new Map<string, SqlStatement>();
  suspect: string | null = null;

  constructor(db: SqlDriver, name: string) {
    this.#db = db;
    this.#name = name;
  }

  run(sql: string, values: readonly Value[] = []): number {
    return Number(this.#statement(sql).run(...values).lastInsertRowid);
  }

  all(sql: string, values: readonly Value[] = []): Found[] {
    try {
      return this.#statement(sql).all(...values);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** All of it, or nothing. Within WAL a lazy commit is synced with the next that is not. */
  transaction(lazy: boolean, work: () => void): void {
    try {
      this.#db.exec(`PRAGMA synchronous = ${lazy ? "NORMAL" : "FULL"}`);
      this.#db.exec("BEGIN IMMEDIATE");
      try {
        work();
        this.#db.exec("COMMIT");
      } catch (error) {
        // SQLite has already rolled back after some failures, a full disk among them.
        if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
        throw error;
      }
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** Writes the database anew, so that neither it nor its log holds what was removed or replaced (K2). */
  rewrite(): void {
    try {
      this.#db.exec("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
    } catch (error) {
      const failure = this.#failure(error);
      // What was to be written has been; without room for a copy of it, the old pages stay until others need them.
      if (!(failure instanceof StoreError && failure.failure === "full")) throw failure;
    }
  }

  parsed(text: unknown, what: string): unknown {
    try {
      return JSON.parse(text as string);
    } catch (cause) {
      this.suspect = `${this.#name} is damaged: ${what} is not JSON`;
      throw new StoreError("damaged", this.suspect, { cause });
    }
  }

  close(): void {
    this.#prepared.clear();
    this.#db.close();
  }

  #statement(sql: string): SqlStatement {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(sql);
    this.#prepared.set(sql, statement);
    return statement;
  }

  #failure(error: unknown): unknown {
    const failure = storeFailure(error, this.#name);
    if (failure instanceof StoreError && failure.failure === "damaged") this.suspect = failure.message;
    return failure;
  }
}
