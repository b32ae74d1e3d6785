import { DatabaseSync } from "node:sqlite";
import type { Json } from "../../../util/json.ts";
import { StoreError } from "../store.ts";

/** Of the tables below; a file of another one is not touched. */
const FORMAT = 2;

/**
 * A row of `texts` belongs to one row of `staged` or of `blocks`, and changes hands without being written again. What is
 * staged has a `first` where it is a block, records separated by commas; else its text is the line.
 */
const TABLES = `
  CREATE TABLE records (key TEXT PRIMARY KEY, at INTEGER NOT NULL, holders TEXT NOT NULL, data TEXT NOT NULL) WITHOUT ROWID, STRICT;
  CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;
  CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
  CREATE TABLE staged (subscription INTEGER NOT NULL, position INTEGER NOT NULL, first TEXT, last TEXT, collection TEXT, at INTEGER, count INTEGER, text INTEGER NOT NULL, PRIMARY KEY (subscription, position)) WITHOUT ROWID, STRICT;
  CREATE TABLE blocks (first TEXT PRIMARY KEY, last TEXT NOT NULL, collection TEXT NOT NULL, at INTEGER NOT NULL, count INTEGER NOT NULL, holder INTEGER NOT NULL, text INTEGER NOT NULL) WITHOUT ROWID, STRICT;
  PRAGMA user_version = ${FORMAT};
`;

/** SQLite's default. */
const PAGE_BYTES = 4_096;

/** Pages after which the log is moved into the file: a copy of 100,000 records is written once before it can be read, not twice. */
const WAL_PAGES = 16_000;
/** Bytes that the log keeps when it has been moved. */
const WAL_REST = 4_194_304;

/** SQLite's primary result codes: https://www.sqlite.org/rescode.html */
const CORRUPT = 11;
const FULL = 13;
const NOTADB = 26;
const UNAVAILABLE = new Set([3, 5, 6, 7, 8, 10, 14, 23]);

/** The database, ours alone until it is closed: two clients on one file would give out the same mutation numbers. */
export function openedFile(path: string, maxBytes: number | undefined): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: 1_000 });
  try {
    db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    db.exec(`PRAGMA wal_autocheckpoint = ${WAL_PAGES}; PRAGMA journal_size_limit = ${WAL_REST}`);
    if (maxBytes !== undefined) db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxBytes / PAGE_BYTES))}`);
    db.exec("BEGIN IMMEDIATE");
    const format = db.prepare("PRAGMA user_version").get()?.["user_version"];
    if (format === 0) db.exec(TABLES);
    db.exec("COMMIT");
    if (format !== 0 && format !== FORMAT) {
      throw new StoreError(
        "unavailable",
        `${path} was written by another version of Tidemark (format ${format}); update the application`,
      );
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** A failure of SQLite in the store's words; anything else as it is. */
export function storeFailure(error: unknown, path: string): unknown {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  if (typeof code !== "number" || !(error instanceof Error)) return error;
  const primary = code & 0xff;
  const options = { cause: error };
  if (primary === FULL) {
    return new StoreError(
      "full",
      `no room to write ${path}: free some disk space; nothing of this write was kept`,
      options,
    );
  }
  if (primary === CORRUPT || primary === NOTADB) {
    return new StoreError("damaged", `${path} is damaged: ${error.message}`, options);
  }
  if (UNAVAILABLE.has(primary)) {
    const text = `${path} cannot be used now (${error.message}): another process may have it, or look at the disk`;
    return new StoreError("unavailable", text, options);
  }
  return error;
}

/** Every note that can still be read from a damaged file: from both ends, as far as each of them goes. */
export function readableNotes(path: string): Map<string, Json> {
  const notes = new Map<string, Json>();
  for (const order of ["ASC", "DESC"]) {
    try {
      const db = new DatabaseSync(path, { readOnly: true });
      try {
        for (const { name, value } of db.prepare(`SELECT name, value FROM notes ORDER BY name ${order}`).iterate()) {
          const parsed = parsedNote(value);
          if (parsed !== undefined) notes.set(name as string, parsed);
        }
      } finally {
        db.close();
      }
    } catch {
      // From here on nothing can be read in this direction.
    }
  }
  return notes;
}

function parsedNote(value: unknown): Json | undefined {
  try {
    return JSON.parse(value as string) as Json;
  } catch {
    return undefined;
  }
}
