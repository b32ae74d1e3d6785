import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { syncFile } from "../sqlite/backup.ts";
import { FILE, lockFolder } from "../sqlite/connection.ts";
import { storeFailure } from "../sqlite/failure.ts";
import { migrate } from "../sqlite/tables.ts";
import { StoreError } from "../store.ts";
import { conditionOf, type Table, type Value } from "./tables.ts";

/** What a database is called once its spaces are elsewhere: no server takes it up by mistake. */
export const MOVED = "tidemark.moved.db";

/** A data folder that no server has, and that nobody else gets meanwhile. */
export class Source {
  readonly #folder: string;
  readonly #path: string;
  readonly #lock: DatabaseSync;
  readonly #db: DatabaseSync;
  readonly #names = new Map<number, string>();

  private constructor(folder: string, lock: DatabaseSync, db: DatabaseSync) {
    this.#folder = folder;
    this.#path = join(folder, FILE);
    this.#lock = lock;
    this.#db = db;
  }

  static open(folder: string): Source {
    const path = join(folder, FILE);
    if (!existsSync(path)) throw new StoreError("unavailable", missing(folder));
    const lock = lockFolder(folder);
    try {
      const db = new DatabaseSync(path);
      migrate(db, path);
      return new Source(folder, lock, db);
    } catch (error) {
      lock.close();
      throw storeFailure(error, path);
    }
  }

  /** Of each space its name, revision and hash, as one text: equal where two stores stand alike. */
  heads(): string[] {
    const found = this.#db.prepare("SELECT name, revision, lower(hex(hash)) AS hash FROM space ORDER BY name").all();
    return found.map(({ name, revision, hash }) => `${name} ${revision} ${hash}`);
  }

  count(table: Table): number {
    const found = this.#db.prepare(`SELECT count(*) AS count FROM ${fromOf(table)}`).get();
    return found?.["count"] as number;
  }

  /** The rows of a table, in the order of its columns. */
  *rows(table: Table): Generator<Value[]> {
    const columns = table.columns.map(({ name, from }, i) => `${from ?? `t.${name}`} AS c${i}`);
    const statement = this.#db.prepare(`SELECT ${columns} FROM ${fromOf(table)}`);
    for (const row of statement.iterate() as Iterable<Record<string, Value>>) {
      yield table.columns.map(({ read }, i) => {
        const value = row[`c${i}`] as Value;
        return read === undefined ? value : read(value, (number) => this.#nameOf(number));
      });
    }
  }

  /** Gives the database its other name, durably, with all that its log held. */
  retire(): void {
    this.#db.exec("PRAGMA journal_mode = DELETE");
    this.#db.close();
    renameSync(this.#path, join(this.#folder, MOVED));
    syncFile(this.#folder);
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
    this.#lock.close();
  }

  #nameOf(number: number): string {
    if (this.#names.size === 0) {
      const all = this.#db.prepare("SELECT id, text FROM name").iterate() as Iterable<{ id: number; text: string }>;
      for (const { id, text } of all) this.#names.set(id, text);
    }
    const name = this.#names.get(number);
    if (name === undefined)
      throw new StoreError("damaged", `${this.#path}: there is no name ${number}. Restore a backup.`);
    return name;
  }
}

function fromOf(table: Table): string {
  return `${table.from ?? table.name} t ${conditionOf(table)}`;
}

function missing(folder: string): string {
  if (existsSync(join(folder, MOVED))) return `${folder} was moved before: what was in it is ${MOVED} now.`;
  return `There is no Tidemark database in ${folder}.`;
}
