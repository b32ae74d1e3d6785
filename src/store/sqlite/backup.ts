import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { backup as copyPages, DatabaseSync } from "node:sqlite";
import { type RestorePolicy, StoreError } from "../store.ts";
import { Connection, FILE, lockFolder } from "./connection.ts";
import { storeFailure } from "./failure.ts";
import { formatOf, migrate } from "./tables.ts";

/** Pages that are copied between two reports of progress. */
const STEP_PAGES = 1000;

/**
 * Copies a folder's database, as it stands at one moment, into a single file, also while a server writes to it. An
 * earlier backup of that name is replaced, once the new one is complete.
 *
 * @param progress is told how many pages of 4 KiB have been copied, and of how many.
 * @throws StoreError where there is no database, where the file is something else than a backup, or the disk is full.
 * @example await backup("./data", "monday.db");
 */
export async function backup(
  folder: string,
  file: string,
  progress?: (copied: number, total: number) => void,
): Promise<void> {
  if (existsSync(file)) checkBackup(file);
  const source = Connection.reader(folder);
  const part = `${file}.part`;
  try {
    if (resolve(file) === resolve(source.path)) throw new StoreError("unavailable", `${file} is the database itself.`);
    makeEmpty(part);
    // A read that stays open holds one moment of the database: SQLite else begins anew after each write beside it.
    source.db.exec("BEGIN");
    source.db.prepare("SELECT 1 FROM space LIMIT 1").all();
    const total = await copyPages(source.db, part, {
      rate: STEP_PAGES,
      ...(progress && { progress: (at) => progress(at.totalPages - at.remainingPages, at.totalPages) }),
    });
    closeToOneFile(new DatabaseSync(part));
    putInPlace(part, file);
    progress?.(total, total);
  } catch (error) {
    removeDatabase(part);
    throw storeFailure(error, file);
  } finally {
    source.close();
  }
}

/**
 * Puts a backup in the place of a folder's database. What its server then tells its clients is `policy`, for every
 * space: to offer again what the backup does not know ("heal"), or to drop it ("discard").
 *
 * @throws StoreError where the file is not a whole Tidemark database, where a server has the folder open, and where
 *   the folder has a database already, unless `overwrite` is set.
 * @example await restore("monday.db", "./data", "heal");
 */
export async function restore(
  file: string,
  folder: string,
  policy: RestorePolicy,
  options: { readonly overwrite?: boolean } = {},
): Promise<void> {
  if (!existsSync(file)) throw new StoreError("unavailable", `There is no file ${file}.`);
  checkBackup(file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, FILE);
  const part = `${path}.part`;
  const lock = lockFolder(folder);
  try {
    if (existsSync(path) && options.overwrite !== true) {
      throw new StoreError("unavailable", `${folder} holds a database already: say that it is to be overwritten.`);
    }
    makeEmpty(part);
    copyFileSync(file, part);
    const db = new DatabaseSync(part);
    migrate(db, part);
    db.prepare("UPDATE space SET restore = ?").run(policy);
    closeToOneFile(db);
    // A log left by the database that goes would be read into the one that comes.
    for (const end of ["-wal", "-shm"]) rmSync(path + end, { force: true });
    putInPlace(part, path);
  } catch (error) {
    removeDatabase(part);
    throw storeFailure(error, path);
  } finally {
    lock.close();
  }
}

/** Throws unless the file is a whole database of Tidemark. */
function checkBackup(file: string): void {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, { readOnly: true });
    if (formatOf(db, file) === 0) throw new StoreError("damaged", `${file} is not a Tidemark database.`);
    const [found] = Object.values(db.prepare("PRAGMA quick_check(1)").get() ?? {});
    if (found !== "ok") throw new StoreError("damaged", `${file} is damaged: ${String(found)}. Take another backup.`);
  } catch (error) {
    throw storeFailure(error, file);
  } finally {
    db?.close();
  }
}

/** Without a log beside it, a database is one file that can be moved. */
function closeToOneFile(db: DatabaseSync): void {
  db.exec("PRAGMA journal_mode = DELETE");
  db.close();
}

/** A file for its owner only, so that it is never open to others while it fills. */
function makeEmpty(path: string): void {
  removeDatabase(path);
  closeSync(openSync(path, "wx", 0o600));
}

function removeDatabase(path: string): void {
  for (const end of ["", "-wal", "-shm", "-journal"]) rmSync(path + end, { force: true });
}

/** Gives a complete file its name, durably: its bytes are on the disk before the name is, and the name before this returns. */
function putInPlace(part: string, path: string): void {
  chmodSync(part, 0o600);
  syncFile(part);
  renameSync(part, path);
  syncFile(dirname(path));
}

/** Its bytes, or the names in it, are on the disk when this returns. */
export function syncFile(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
