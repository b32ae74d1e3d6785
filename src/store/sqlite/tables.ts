import type { DatabaseSync } from "node:sqlite";
import { StoreError } from "../store.ts";

/** Marks a file as Tidemark's: "Tide" in ASCII. */
export const APPLICATION_ID = 0x54696465;

/**
 * Each step leads from the format of its index to the next. A step that has been published is never changed.
 *
 * All tables are keyed by space first. Names of scopes, authors and collections stand in `name` once, and as small
 * numbers elsewhere. A key column that is text compares by its UTF-8 bytes (SQLite's BINARY), which is the order of keys.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE space (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    revision INTEGER NOT NULL,
    hash BLOB NOT NULL,
    time INTEGER NOT NULL,
    journal INTEGER NOT NULL,            -- the horizons of Head
    tombstones INTEGER NOT NULL,
    stripped INTEGER NOT NULL,           -- entries up to here have lost author and mutation
    restore TEXT
  ) STRICT;

  CREATE TABLE name (
    id INTEGER PRIMARY KEY,
    space INTEGER NOT NULL,
    kind INTEGER NOT NULL,               -- 1 scope, 2 author, 3 collection
    text TEXT NOT NULL,
    UNIQUE (space, kind, text)
  ) STRICT;

  CREATE TABLE record (
    space INTEGER NOT NULL,
    collection INTEGER NOT NULL,
    id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    all_entered INTEGER NOT NULL,        -- the membership in the scope *, whose revision is the record's
    all_first INTEGER NOT NULL,
    created INTEGER NOT NULL,
    creator INTEGER NOT NULL,
    lane0 INTEGER NOT NULL,              -- digest, as signed 32-bit numbers: four bytes each on disk
    lane1 INTEGER NOT NULL,
    lane2 INTEGER NOT NULL,
    lane3 INTEGER NOT NULL,
    scopes TEXT NOT NULL,                -- JSON: the scopes that have a row in member: all but *
    stamps TEXT,                         -- JSON: see codec.ts; null where all are those of the creation
    text TEXT,                           -- canonical; null for a tombstone
    PRIMARY KEY (space, collection, id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX record_changed ON record (space, revision);
  CREATE INDEX record_gone ON record (space, revision) WHERE text IS NULL;

  CREATE TABLE member (
    space INTEGER NOT NULL,
    scope INTEGER NOT NULL,
    collection INTEGER NOT NULL,
    id TEXT NOT NULL,
    seen INTEGER NOT NULL,               -- the membership's revision
    entered INTEGER NOT NULL,
    first INTEGER NOT NULL,
    present INTEGER NOT NULL,
    PRIMARY KEY (space, scope, collection, id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX member_changed ON member (space, scope, seen);
  CREATE INDEX member_gone ON member (space, seen) WHERE present = 0;

  CREATE TABLE fingerprint (
    space INTEGER NOT NULL,
    scope INTEGER NOT NULL,
    collection INTEGER NOT NULL,
    count INTEGER NOT NULL,
    lane0 INTEGER NOT NULL,
    lane1 INTEGER NOT NULL,
    lane2 INTEGER NOT NULL,
    lane3 INTEGER NOT NULL,
    PRIMARY KEY (space, scope, collection)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE entry (
    space INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    time INTEGER NOT NULL,
    hash BLOB NOT NULL,
    author INTEGER,                      -- null below the journal's horizon, as are the next two
    mutation INTEGER,
    changes TEXT,                        -- JSON: see journal.ts
    PRIMARY KEY (space, revision)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE client (
    space INTEGER NOT NULL,
    author INTEGER NOT NULL,
    last INTEGER NOT NULL,
    acked INTEGER NOT NULL,
    was TEXT NOT NULL,                   -- JSON: [[author, revision], …]
    seen INTEGER NOT NULL,
    PRIMARY KEY (space, author)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE outcome (
    space INTEGER NOT NULL,
    author INTEGER NOT NULL,
    id INTEGER NOT NULL,
    content BLOB NOT NULL,
    status TEXT NOT NULL,
    revision INTEGER NOT NULL,
    time INTEGER NOT NULL,
    acked INTEGER,                       -- when the client acknowledged it
    detail TEXT,                         -- JSON: the rest of the outcome; little is left of it once acknowledged
    PRIMARY KEY (space, author, id)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE note (
    space INTEGER NOT NULL,
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (space, name)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE record ADD COLUMN parent_collection INTEGER;  -- with parent_id the record that scopes are inherited from
  ALTER TABLE record ADD COLUMN parent_id TEXT;
  CREATE INDEX record_parent ON record (space, parent_collection, parent_id) WHERE parent_collection IS NOT NULL;

  ALTER TABLE name ADD COLUMN since INTEGER;                -- of a scope: the first revision of the commit that made it
  UPDATE name SET since = coalesce(
    (SELECT min(first) FROM member WHERE member.space = name.space AND member.scope = name.id), 0) WHERE kind = 1;
  CREATE INDEX scope_since ON name (space, since, text) WHERE since IS NOT NULL;
  `,
  // Without rowids, names stand in one tree with their texts, and each comparison on the way to a name read a long text whole.
  `
  ALTER TABLE note RENAME TO note_2;
  CREATE TABLE note (
    space INTEGER NOT NULL,
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (space, name)
  ) STRICT;
  INSERT INTO note (space, name, text) SELECT space, name, text FROM note_2 ORDER BY space, name;
  DROP TABLE note_2;
  `,
  `
  ALTER TABLE record ADD COLUMN erased INTEGER;             -- the revision at which it was last erased; null: never
  `,
];

/** The newest format that this code reads and writes. */
export const FORMAT = MIGRATIONS.length;

/** The format of a database: 0 for one that is empty. Throws where it is not Tidemark's, or too new for this code. */
export function formatOf(db: DatabaseSync, path: string): number {
  const application = pragma(db, "application_id");
  const format = pragma(db, "user_version");
  const empty = db.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined;
  if (empty && application === 0 && format === 0) return 0;
  if (application !== APPLICATION_ID) {
    throw new StoreError("damaged", `${path} is not a Tidemark database: give another folder, or move that file away.`);
  }
  if (format > FORMAT) {
    throw new StoreError(
      "unavailable",
      `${path} has format ${format}, made by a newer Tidemark; this one reads up to ${FORMAT}. Update tidemark.`,
    );
  }
  return format;
}

/** Brings a database to the newest format, in one transaction. */
export function migrate(db: DatabaseSync, path: string): void {
  if (formatOf(db, path) === FORMAT) return;
  db.exec("BEGIN IMMEDIATE");
  try {
    for (const step of MIGRATIONS.slice(formatOf(db, path))) db.exec(step);
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${FORMAT}; COMMIT`);
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

function pragma(db: DatabaseSync, name: string): number {
  return Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0] as number;
}
