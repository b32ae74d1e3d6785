import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { FILE, lockFolder } from "./connection.ts";
import { storeFailure } from "./failure.ts";
import { migrate } from "./tables.ts";

/** A folder's database in its newest format, as it lies, and the lock that keeps every server out of it. */
export interface Alone {
  readonly db: DatabaseSync;
  readonly path: string;
  /** Also of a database that was closed before. */
  close(): void;
}

export function openAlone(folder: string): Alone {
  const path = join(folder, FILE);
  const lock = lockFolder(folder);
  try {
    const db = new DatabaseSync(path);
    migrate(db, path);
    return {
      db,
      path,
      close() {
        if (db.isOpen) db.close();
        lock.close();
      },
    };
  } catch (error) {
    lock.close();
    throw storeFailure(error, path);
  }
}
