import { StoreError } from "../store.ts";
import type { SqlDriver } from "./driver.ts";

/** Of the tables below; a database of another one is not touched. */
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

/** Pages after which the log is moved into the file: a copy of 100,000 records is written once before it can be read, not twice. */
const WAL_PAGES = 16_000;
/** Bytes that the log keeps when it has been moved. */
const WAL_REST = 4_194_304;

/**
 * Makes a database ready that has just been opened: it is ours alone until it is closed, as two clients on one would give
 * out the same mutation numbers. Exclusive locking comes first: with it a write-ahead log needs no shared memory, which a
 * browser does not have.
 */
export function madeReady(db: SqlDriver, name: string): void {
  db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  db.exec(`PRAGMA wal_autocheckpoint = ${WAL_PAGES}; PRAGMA journal_size_limit = ${WAL_REST}`);
  db.exec("BEGIN IMMEDIATE");
  const format = db.prepare("PRAGMA user_version").all()[0]?.["user_version"];
  if (format === 0) db.exec(TABLES);
  db.exec("COMMIT");
  if (format !== 0 && format !== FORMAT) {
    throw new StoreError(
      "unavailable",
      `${name} was written by another version of Tidemark (format ${format}); update the application`,
    );
  }
}
