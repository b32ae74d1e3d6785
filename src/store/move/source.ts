import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { type Alone, openAlone } from "../sqlite/alone.ts";
import { syncFile } from "../sqlite/backup.ts";
import { FILE } from "../sqlite/connection.ts";
import { Orders } from "../sqlite/orders.ts";
import { type ErasureOrder, StoreError } from "../store.ts";
import { conditionOf, type Table, type Value } from "./tables.ts";

/** What a database is called once its spaces are elsewhere: no server takes it up by mistake. */
export const MOVED = "tidemark.moved.db";

/** A data folder that no server has, and that nobody else gets meanwhile. */
export class Source {
  readonly #folder: string;
  readonly #alone: Alone;
  readonly #names = new Map<number, string>();

  private constructor(folder: string) {
    this.#folder = folder;
    this.#alone = openAlone(folder);
  }

  static open(folder: string): Source {
    if (!existsSync(join(folder, FILE))) throw new StoreError("unavailable", missing(folder));
    return new Source(folder);
  }

  /** Of each space its name, revision and hash, as one text: equal where two stores stand alike. */
  heads(): string[] {
    const found = this.#alone.db
      .prepare("SELECT name, revision, lower(hex(hash)) AS hash FROM space ORDER BY name")
      .all();
    return found.map(({ name, revision, hash }) => `${name} ${revision} ${hash}`);
  }

  /** Of erasures: they must bind the database as they bind the folder (K2). */
  orders(): readonly ErasureOrder[] {
    return new Orders(this.#folder).all();
  }

  count(table: Table): number {
    const found = this.#alone.db.prepare(`SELECT count(*) AS count FROM ${fromOf(table)}`).get();
    return found?.["count"] as number;
  }

  /** The rows of a table, in the order of its columns. */
  *rows(table: Table): Generator<Value[]> {
    const columns = table.columns.map(({ name, from }, i) => `${from ?? `t.${name}`} AS c${i}`);
    const statement = this.#alone.db.prepare(`SELECT ${columns} FROM ${fromOf(table)}`);
    for (const row of statement.iterate() as Iterable<Record<string, Value>>) {
      yield table.columns.map(({ read }, i) => {
        const value = row[`c${i}`] as Value;
        return read === undefined ? value : read(value, (number) => this.#nameOf(number));
      });
    }
  }

  /** Gives the database its other name, durably, with all that its log held. */
  retire(): void {
    this.#alone.db.exec("PRAGMA journal_mode = DELETE");
    this.#alone.db.close();
    renameSync(this.#alone.path, join(this.#folder, MOVED));
    syncFile(this.#folder);
  }

  close(): void {
    this.#alone.close();
  }

  #nameOf(number: number): string {
    if (this.#names.size === 0) {
      const all = this.#alone.db.prepare("SELECT id, text FROM name").iterate() as Iterable<{
        id: number;
        text: string;
      }>;
      for (const { id, text } of all) this.#names.set(id, text);
    }
    const name = this.#names.get(number);
    if (name === undefined)
      throw new StoreError("damaged", `${this.#alone.path}: there is no name ${number}. Restore a backup.`);
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
