import type { Store } from "../store.ts";
import { Connection } from "./connection.ts";
import { SqliteStore } from "./sqlite-store.ts";

export { backup, restore } from "./backup.ts";

export interface SqliteStoreOptions {
  /** The folder that holds the database; it is made where it is missing. `":memory:"` keeps all in memory. */
  readonly path: string;
  /** Reads only, also beside a server that has the folder open. */
  readonly readonly?: boolean;
}

/**
 * Opens a store on SQLite: one file, `tidemark.db`, for all spaces of a folder. A folder has one writer at a time.
 *
 * @throws StoreError where the folder is in use, is not Tidemark's, or was written by a newer version.
 * @example const store = openSqliteStore({ path: "./data" });
 */
export function openSqliteStore(options: SqliteStoreOptions): Store {
  const { path, readonly = false } = options;
  return new SqliteStore(readonly ? Connection.reader(path) : Connection.writer(path));
}
