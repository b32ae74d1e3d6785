import type { DatabaseSync, StatementSync } from "node:sqlite";
import { StoreError } from "../store.ts";
import { openedFile, storeFailure } from "./file.ts";

export type Found = { readonly [column: string]: unknown };
export type Value = string | number | null;

/** One open file: its statements, each prepared once, and what was found to be damaged since it was opened. */
export class Statements {
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();
  suspect: string | null = null;

  constructor(path: string, maxBytes: number | undefined) {
    this.#path = path;
    this.#db = openedFile(path, maxBytes);
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

  parsed(text: unknown, what: string): unknown {
    try {
      return JSON.parse(text as string);
    } catch (cause) {
      this.suspect = `${this.#path} is damaged: ${what} is not JSON`;
      throw new StoreError("damaged", this.suspect, { cause });
    }
  }

  close(): void {
    this.#prepared.clear();
    this.#db.close();
  }

  #statement(sql: string): StatementSync {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(sql);
    this.#prepared.set(sql, statement);
    return statement;
  }

  #failure(error: unknown): unknown {
    const failure = storeFailure(error, this.#path);
    if (failure instanceof StoreError && failure.failure === "damaged") this.suspect = failure.message;
    return failure;
  }
}
