import { statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { InvariantError } from "../../util/assert.ts";
import type {
  Batch,
  CutHorizon,
  ErasureOrder,
  Head,
  Loaded,
  Query,
  RestorePolicy,
  Snapshot,
  Store,
  Wanted,
} from "../store.ts";
import { commit } from "./commit.ts";
import { type Connection, MEMORY } from "./connection.ts";
import { cutSlice, type Sweep } from "./cut.ts";
import { load } from "./load.ts";
import { Orders } from "./orders.ts";
import { read } from "./read.ts";
import { createSpace, findSpace, type Space } from "./space.ts";

/** Every call is one synchronous transaction, so calls are in order without a lock of ours. It closes the connection with itself. */
export class SqliteStore implements Store {
  readonly exclusive = true;
  readonly readonly: boolean;
  readonly #connection: Connection;
  readonly #listeners = new Set<(space: string) => void>();
  readonly #sweeps = new Map<string, Sweep>();
  readonly #orders: Orders;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.readonly = connection.readonly;
    this.#orders = new Orders(connection.path === MEMORY ? null : dirname(connection.path));
  }

  async head(name: string): Promise<Head | null> {
    return this.#connection.read(() => findSpace(this.#connection, name)?.head ?? null);
  }

  async spaces(): Promise<readonly string[]> {
    const rows = this.#connection.read(() =>
      this.#connection.all<{ name: string }>("SELECT name FROM space ORDER BY name"),
    );
    return rows.map(({ name }) => name);
  }

  async read<const Q extends readonly Query[]>(name: string, queries: Q): Promise<Snapshot<Q> | null> {
    return this.#connection.read(() => read(this.#connection, name, queries));
  }

  async write<B extends Batch>(name: string, wanted: Wanted, decide: (loaded: Loaded) => B): Promise<B | null> {
    const connection = this.#connection;
    const batch = connection.write(() => {
      const space = findSpace(connection, name) ?? (wanted.create ? createSpace(connection, name) : null);
      if (space === null) return null;
      const loaded = load(connection, space, wanted);
      const decided = decide(loaded);
      commit(connection, space, loaded, decided);
      return decided;
    });
    if (batch !== null && batch.entries.length > 0) this.#notify(name);
    return batch;
  }

  async cut(name: string, horizon: CutHorizon, slice: number): Promise<{ done: boolean; removed: number }> {
    const sweep = this.#sweeps.get(name) ?? { author: 0 };
    this.#sweeps.set(name, sweep);
    return this.#connection.write(() => {
      const space = findSpace(this.#connection, name);
      return space === null ? { done: true, removed: 0 } : cutSlice(this.#connection, space, horizon, slice, sweep);
    });
  }

  async setRestore(name: string, policy: RestorePolicy): Promise<void> {
    this.#connection.write(() => {
      this.#connection.run("UPDATE space SET restore = ? WHERE id = ?", policy, this.#space(name).id);
    });
  }

  async note(name: string, note: string): Promise<string | null> {
    return this.#connection.read(() => {
      const row = this.#connection.one<{ text: string }>(
        "SELECT text FROM note JOIN space ON space.id = note.space WHERE space.name = ? AND note.name = ?",
        name,
        note,
      );
      return row?.text ?? null;
    });
  }

  async setNote(name: string, note: string, text: string): Promise<void> {
    this.#connection.write(() => {
      this.#connection.run(
        "INSERT INTO note (space, name, text) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET text = excluded.text",
        this.#space(name).id,
        note,
        text,
      );
    });
  }

  async order(order: ErasureOrder): Promise<void> {
    this.#orders.add(order);
  }

  async orders(): Promise<readonly ErasureOrder[]> {
    return this.#orders.all();
  }

  async rewrite(): Promise<void> {
    this.#connection.rewrite();
  }

  watch(listener: (space: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async size(): Promise<number> {
    const { path } = this.#connection;
    if (path === MEMORY) {
      const row = this.#connection.one<{ bytes: number }>(
        "SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()",
      );
      return row?.bytes ?? 0;
    }
    return [path, `${path}-wal`].reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
  }

  async disk(): Promise<{ free: number; total: number } | null> {
    const { path } = this.#connection;
    if (path === MEMORY) return null;
    const { bavail, blocks, bsize } = statfsSync(dirname(path));
    return { free: bavail * bsize, total: blocks * bsize };
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    this.#connection.close();
  }

  #space(name: string): Space {
    const space = findSpace(this.#connection, name);
    if (space === null) throw new InvariantError(`there is no space ${name}`);
    return space;
  }

  #notify(name: string): void {
    for (const listener of this.#listeners) listener(name);
  }
}
