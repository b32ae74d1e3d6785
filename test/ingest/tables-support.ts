import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import postgresJs from "postgres";
import { onTestFinished } from "vitest";
import {
  type CleanOptions,
  clean,
  type PostgresOptions,
  postgres,
  type Source,
  type SourceCursor,
  type SqlTable,
  type Stream,
  sqlite,
} from "../../src/ingest/index.ts";
import { folderOf } from "../support/folder.ts";
import { plain, schemaOf, schemaUrl } from "../support/postgres.ts";
import { type Reading, reading } from "./http-support.ts";
import { Desk, SPACE } from "./support.ts";

export type Kind = "SQLite" | "SQLite in WAL mode" | "PostgreSQL";

/** A database of another program, with a table `things`. */
export interface Elsewhere {
  readonly kind: Kind;
  /** Statements of the other program; `things` stands for the table. */
  sql(text: string): Promise<void>;
  source(table: Partial<SqlTable>, more?: Partial<PostgresOptions>): Source;
  /** `things` as others have to name it. */
  readonly things: string;
  /** How a time is written in it. */
  time(ms: number): string;
}

export async function elsewhere(kind: Kind, columns = "id int PRIMARY KEY, name text, at TIME"): Promise<Elsewhere> {
  const made = kind === "PostgreSQL" ? await postgresElsewhere() : sqliteElsewhere(kind);
  await made.sql(`CREATE TABLE things (${columns.replace("TIME", kind === "PostgreSQL" ? "timestamptz" : "text")})`);
  return made;
}

function sqliteElsewhere(kind: Kind): Elsewhere {
  const path = join(folderOf(), "shop.db");
  const db = new DatabaseSync(path);
  onTestFinished(() => db.close());
  if (kind !== "SQLite") db.exec("PRAGMA journal_mode = wal");
  return {
    kind,
    things: "things",
    sql: async (text) => db.exec(text),
    source: (table) => sqlite({ name: "shop", path, tables: [{ table: "things", key: ["id"], ...table }] }),
    time: (ms) => `'${new Date(ms).toISOString()}'`,
  };
}

async function postgresElsewhere(): Promise<Elsewhere> {
  const url = plain(await schemaUrl());
  const schema = schemaOf(await schemaUrl());
  const db = postgresJs(url, { max: 1, onnotice: () => undefined });
  onTestFinished(async () => {
    await db.unsafe(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
    await db.end();
  });
  await db.unsafe(`CREATE SCHEMA "${schema}"`);
  return {
    kind: "PostgreSQL",
    things: `"${schema}".things`,
    sql: async (text) => void (await db.unsafe(text.replaceAll(/\bthings\b/g, `"${schema}".things`))),
    source: (table, more = {}) =>
      postgres({
        name: "shop",
        url,
        ...more,
        tables: [{ name: "things", table: `${schema}.things`, key: ["id"], ...table }],
      }),
    time: (ms) => `'${new Date(ms).toISOString()}'`,
  };
}

export function streamOf({ streams }: Source): Stream {
  return streams[0] as Stream;
}

export const TASK = "shop.things";

export function deskOf(source: Source, options: Partial<CleanOptions> = {}): Desk {
  const cleaned = clean(streamOf(source), { collection: streamOf(source).name, ...options });
  return new Desk({ [SPACE]: [{ source, streams: [cleaned] }] });
}

/** Reads a stream at a time of the clock; no source of tables asks the network by `http`. */
export function read(
  source: Source,
  cursor: SourceCursor,
  now: number,
  window?: { from: string; to: string },
): Promise<Reading> {
  const http = () => Promise.reject(new Error("no source of tables asks by this"));
  return reading(streamOf(source), { cursor, http, now: () => now, ...(window && { window }) });
}

export function keysOf({ changes }: Reading): string[] {
  return changes.flatMap((change) => (change.op === "broken" ? [] : [`${change.op} ${change.key.join(",")}`]));
}
