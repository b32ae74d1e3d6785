import type { SAHPoolUtil, Sqlite3Static } from "@sqlite.org/sqlite-wasm";
import init from "@sqlite.org/sqlite-wasm";
import type { Clock } from "../../../util/clock.ts";
import type { SqlDriver } from "../sql/driver.ts";
import { FULL } from "../sql/failure.ts";
import { StoreError } from "../store.ts";
import { wasmDriver } from "./wasm-driver.ts";

/** The name of the database within its pool. */
const FILE = "/replica.db";
/** The database, its log, its journal while it is made, and one to spare: Chromium counts a megabyte for each at once. */
const FILES = 4;
/** How long is waited for the handles of a worker that is gone: a browser closes them some time after its lock. */
const HANDLES = { attempts: 200, pause: 10 };

/** What the pool wrote to the log last: SQLite's own errors do not say that there was no room. */
let noted: unknown = null;

let loading: Promise<Sqlite3Static> | null = null;

async function loaded(): Promise<Sqlite3Static> {
  const note = (...args: unknown[]) => {
    noted = args.at(-1);
  };
  Object.assign(globalThis, { sqlite3ApiConfig: { error: note, warn: () => {} } });
  loading ??= init();
  return await loading;
}

/**
 * Files of one folder of the origin private file system, opened once and held: SQLite reads and writes them without
 * waiting, which only a worker may.
 */
export class Pool {
  readonly #sqlite: Sqlite3Static;
  readonly #files: SAHPoolUtil;
  readonly #folder: string;
  /** Whether no database was there. */
  readonly isNew: boolean;

  private constructor(sqlite: Sqlite3Static, files: SAHPoolUtil, folder: string) {
    this.#sqlite = sqlite;
    this.#files = files;
    this.#folder = folder;
    this.isNew = !files.getFileNames().includes(FILE);
  }

  /** The caller holds the lock on the folder. */
  static async open(folder: string, clock: Clock): Promise<Pool> {
    const sqlite = await loaded();
    for (let attempt = 1; ; attempt++) {
      try {
        return new Pool(sqlite, await installed(sqlite, folder), folder);
      } catch (error) {
        if (!isHeld(error) || attempt >= HANDLES.attempts) throw error;
        await clock.sleep(HANDLES.pause);
      }
    }
  }

  database(): SqlDriver {
    noted = null;
    const db = new this.#files.OpfsSAHPoolDb(FILE);
    return wasmDriver(this.#sqlite, db, (error) => {
      const wasFull = isFull(noted);
      noted = null;
      return wasFull ? FULL : (error as { resultCode?: unknown }).resultCode;
    });
  }

  /** Whether it is still in the browser: where the site's data is cleared, open files are written on, and gone when closed. */
  async stands(): Promise<boolean> {
    try {
      let directory = await navigator.storage.getDirectory();
      for (const name of this.#folder.split("/")) directory = await directory.getDirectoryHandle(name);
      return true;
    } catch {
      return false;
    }
  }

  remove(): void {
    for (const suffix of ["", "-wal", "-journal"]) this.#files.unlink(FILE + suffix);
  }

  close(): void {
    this.#files.pauseVfs();
  }
}

async function installed(sqlite: Sqlite3Static, folder: string): Promise<SAHPoolUtil> {
  const options = {
    name: "tidemark",
    directory: folder,
    initialCapacity: FILES,
    // Its errors, which tell more than SQLite's.
    verbosity: 1,
    // Otherwise whoever finds the files in use deletes them.
    preserveOnInitFailure: true,
    forceReinitIfPreviouslyFailed: true,
  };
  return await sqlite.installOpfsSAHPoolVfs(options);
}

/** The database's files are open elsewhere. */
function isHeld(error: unknown): boolean {
  return (error as { name?: unknown } | null)?.name === "NoModificationAllowedError";
}

function isFull(error: unknown): boolean {
  return (error as { name?: unknown } | null)?.name === "QuotaExceededError";
}

/** A failure of the browser's, before SQLite has the file. */
export function poolFailure(error: unknown, name: string): StoreError {
  if (error instanceof StoreError) return error;
  const { name: kind, message } = error as Error;
  if (isFull(error)) return new StoreError("full", `no room to open ${name}`, { cause: error });
  const text = isHeld(error)
    ? `another tab or client has ${name} open`
    : `${name} cannot be used (${kind}: ${message}): the browser may be too old for it, or refuse it in a private window`;
  return new StoreError("unavailable", text, { cause: error });
}
