import { StoreError } from "../store.ts";
import type { Session } from "./session.ts";

/**
 * Each step leads from the format of its index to the next. A step that has been published is never changed.
 *
 * All tables are keyed by space first, also where a key would be unique without it: a database can be distributed by
 * space (Citus, YugabyteDB), and no transaction is about two. A key column compares by its UTF-8 bytes (COLLATE "C"),
 * which is the order of keys. Names stand in the rows themselves, not as numbers: a server keeps nothing of the
 * database between two transactions, so that nothing of it can be wrong when the database is restored or fails over.
 * Texts of records, changes and outcomes are JSON, in which U+0000 stands as \u0000; the types json and jsonb are not
 * used, since they could not take that apart, and would not keep the text as it is.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE space (
    name text COLLATE "C" PRIMARY KEY,
    revision bigint NOT NULL,
    hash bytea NOT NULL,
    time bigint NOT NULL,
    journal bigint NOT NULL,             -- the horizons of Head
    tombstones bigint NOT NULL,
    stripped bigint NOT NULL,            -- entries up to here have lost author and mutation
    restore text
  );

  CREATE TABLE record (
    space text COLLATE "C" NOT NULL,
    collection text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    all_entered bigint NOT NULL,         -- the membership in the scope *, whose revision is the record's
    all_first bigint NOT NULL,
    created bigint NOT NULL,
    creator text COLLATE "C" NOT NULL,
    lane0 integer NOT NULL,              -- digest, as signed 32-bit numbers
    lane1 integer NOT NULL,
    lane2 integer NOT NULL,
    lane3 integer NOT NULL,
    scopes text[] COLLATE "C" NOT NULL,  -- the scopes that have a row in member: all but *
    stamps text,                         -- JSON: see codec.ts; null where all are those of the creation
    text text,                           -- canonical; null for a tombstone
    parent_collection text COLLATE "C",  -- with parent_id the record that scopes are inherited from
    parent_id text COLLATE "C",
    PRIMARY KEY (space, collection, id)
  );
  -- Of all rows, as member_changed below.
  CREATE INDEX record_changed ON record (space, revision) WHERE revision > 0;
  CREATE INDEX record_gone ON record (space, revision) WHERE text IS NULL;
  CREATE INDEX record_parent ON record (space, parent_collection, parent_id) WHERE parent_collection IS NOT NULL;

  CREATE TABLE scope (                   -- that has ever held a record, but *
    space text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    since bigint NOT NULL,               -- the first revision of the commit that made it
    PRIMARY KEY (space, name)
  );
  CREATE INDEX scope_since ON scope (space, since, name);

  CREATE TABLE member (
    space text COLLATE "C" NOT NULL,
    scope text COLLATE "C" NOT NULL,
    collection text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    seen bigint NOT NULL,                -- the membership's revision
    entered bigint NOT NULL,
    first bigint NOT NULL,
    present boolean NOT NULL,
    PRIMARY KEY (space, scope, collection, id)
  );
  -- Of all rows: by the condition only who asks for it gets this index. Before it knows the table the planner thinks it as
  -- good for a look-up by key as the key's own, and would read a whole scope for each.
  CREATE INDEX member_changed ON member (space, scope, seen) WHERE seen > 0;
  CREATE INDEX member_gone ON member (space, seen) WHERE NOT present;

  CREATE TABLE fingerprint (
    space text COLLATE "C" NOT NULL,
    scope text COLLATE "C" NOT NULL,
    collection text COLLATE "C" NOT NULL,
    count bigint NOT NULL,
    lane0 bigint NOT NULL,               -- sums modulo 2^32
    lane1 bigint NOT NULL,
    lane2 bigint NOT NULL,
    lane3 bigint NOT NULL,
    PRIMARY KEY (space, scope, collection)
  );

  CREATE TABLE entry (
    space text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    time bigint NOT NULL,
    hash bytea NOT NULL,
    author text COLLATE "C",             -- null below the journal's horizon, as are the next two
    mutation bigint,
    changes text,                        -- JSON: see codec.ts
    PRIMARY KEY (space, revision)
  );

  CREATE TABLE client (
    space text COLLATE "C" NOT NULL,
    author text COLLATE "C" NOT NULL,
    last bigint NOT NULL,
    acked bigint NOT NULL,
    was text NOT NULL,                   -- JSON: [[author, revision], …]
    seen bigint NOT NULL,
    PRIMARY KEY (space, author)
  );

  CREATE TABLE outcome (
    space text COLLATE "C" NOT NULL,
    author text COLLATE "C" NOT NULL,
    id bigint NOT NULL,
    content bytea NOT NULL,
    status text NOT NULL,
    revision bigint NOT NULL,
    time bigint NOT NULL,
    acked bigint,                        -- when the client acknowledged it
    detail text,                         -- JSON: the rest of the outcome; little is left of it once acknowledged
    PRIMARY KEY (space, author, id)
  );

  CREATE TABLE note (
    space text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    text text NOT NULL,
    PRIMARY KEY (space, name)
  );
  `,
  `
  -- Tables that other programs write (section T of the specification).
  CREATE TABLE adopted_space (
    space text COLLATE "C" PRIMARY KEY,
    capture text NOT NULL,
    slot text,                           -- of the logical replication
    position pg_lsn,                     -- what was committed up to here is recorded; null until the slot is made
    together pg_lsn                      -- what was committed up to here is recorded as one revision, after a copy
  );

  CREATE TABLE adopted_table (
    space text COLLATE "C" NOT NULL,
    collection text COLLATE "C" NOT NULL,
    source text NOT NULL,                -- schema.table
    shape text NOT NULL,                 -- JSON: the columns that it was copied with
    state text NOT NULL,                 -- copying, following, paused
    copied text,                         -- JSON: the key that the copy has reached
    cause text,
    PRIMARY KEY (space, collection)
  );

  CREATE TABLE adopted_seen (            -- what was committed to a row up to here is known by its record
    space text COLLATE "C" NOT NULL,
    collection text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    position pg_lsn NOT NULL,
    xid xid8,                            -- of the transaction that said so, where triggers note changes
    PRIMARY KEY (space, collection, id)
  );

  CREATE TABLE adopted_change (          -- what triggers noted, until it is recorded
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    space text COLLATE "C" NOT NULL,
    collection text COLLATE "C" NOT NULL,
    xid xid8 NOT NULL,
    op text NOT NULL,                    -- I, U, D, T
    names text[] NOT NULL,               -- of the columns, in the order of the rows
    before text,                         -- rows as PostgreSQL writes them
    after text
  );
  CREATE INDEX adopted_change_space ON adopted_change (space, seq);
  `,
  `
  ALTER TABLE record ADD COLUMN erased bigint;  -- the revision at which it was last erased; null: never
  `,
];

/** The newest format that this code reads and writes. */
export const FORMAT = MIGRATIONS.length;

interface Found {
  readonly made: boolean;
  readonly ours: boolean;
  readonly others: boolean;
}

/** The format of a schema: 0 for one that is empty, or not there. Throws where it is not Tidemark's, or too new for this code. */
export async function formatOf(session: Session, schema: string): Promise<number> {
  const [found] = await session.query<Found>(
    `SELECT count(*) > 0 AS made, coalesce(bool_or(relname = 'tidemark_format'), false) AS ours,
       count(relname) FILTER (WHERE relname <> 'tidemark_format') > 0 AS others
     FROM pg_namespace LEFT JOIN pg_class ON relnamespace = pg_namespace.oid WHERE nspname = $1`,
    [schema],
  );
  if (found?.made !== true || (!found.ours && !found.others)) return 0;
  if (!found.ours) {
    const cure = "name another one with ?schema=NAME";
    throw new StoreError("damaged", `The schema "${schema}" holds tables that are not Tidemark's: ${cure}.`);
  }
  const [row] = await session.query<{ format: number }>(`SELECT format FROM ${quoted(schema)}.tidemark_format`);
  const format = Number(row?.format ?? 0);
  if (format > FORMAT) {
    throw new StoreError(
      "unavailable",
      `The schema "${schema}" has format ${format}, made by a newer Tidemark; this one reads up to ${FORMAT}. Update tidemark.`,
    );
  }
  return format;
}

/** Brings a schema to the newest format. Servers that start together do it one after the other, each in one transaction. */
export async function migrate(session: Session, schema: string): Promise<void> {
  if ((await formatOf(session, schema)) === FORMAT) return;
  await session.query("BEGIN");
  try {
    await session.query("SELECT pg_advisory_xact_lock(hashtext('tidemark'), hashtext($1))", [schema]);
    const format = await formatOf(session, schema);
    if (format < FORMAT) {
      if (format === 0) await session.query(firstOf(schema));
      await session.query(`SET LOCAL search_path = ${quoted(schema)}`);
      for (const step of MIGRATIONS.slice(format)) await session.query(step);
      await session.query(`UPDATE tidemark_format SET format = ${FORMAT}`);
    }
    await session.query("COMMIT");
  } catch (error) {
    await session.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

/** The schema may be there, made by an administrator for a user who may make none. */
function firstOf(schema: string): string {
  const name = quoted(schema);
  return `DO $$ BEGIN
      IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = '${schema}') THEN CREATE SCHEMA ${name}; END IF;
    END $$;
    CREATE TABLE ${name}.tidemark_format (format integer NOT NULL);
    INSERT INTO ${name}.tidemark_format VALUES (0)`;
}

/** Names of schemas are checked (`placeOf`): nothing in them needs more than quotes. */
export function quoted(schema: string): string {
  return `"${schema}"`;
}
