import { renameSync, rmSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DuckDBAppender, DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { type Clock, systemClock } from "../../util/clock.ts";
import { type Answer, type Field, type Session, type Sink, type StoredRow, WarehouseError } from "../sink.ts";
import { type Dialect, type Engine, type Load, quoted, SqlSession, valuesOf } from "../sql.ts";
import type { Stored } from "../values.ts";
import { loadFolder } from "./loading.ts";

const TYPES = {
  boolean: "BOOLEAN",
  bigint: "BIGINT",
  double: "DOUBLE",
  text: "VARCHAR",
  json: "JSON",
  timestamp: "TIMESTAMPTZ",
} as const;

const dialect: Dialect = {
  types: TYPES,
  toJson: "to_json",
  // An index would cost more than it brings: joins on the id hash it.
  keys: false,
  rows(fields) {
    const shape = JSON.stringify([Object.fromEntries(fields.map(({ name, type }) => [name, sent(type)]))]);
    const columns = fields.map(({ name, type }) => `CAST(r.${quoted(name)} AS ${TYPES[type]}) AS ${quoted(name)}`);
    const rows = `unnest(from_json(CAST($1 AS JSON), '${shape.replaceAll("'", "''")}')) AS r`;
    return `(SELECT ${columns.join(", ")} FROM (SELECT ${rows}))`;
  },
};

/** JSON and times go as texts. */
function sent(type: Field["type"]): string {
  return type === "json" || type === "timestamp" ? TYPES.text : TYPES[type];
}

/** The driver, which is loaded only where it is needed. */
export async function driver(): Promise<typeof import("@duckdb/node-api")> {
  try {
    return await import("@duckdb/node-api");
  } catch (cause) {
    throw new WarehouseError("invalid", "DuckDB is not installed: npm install @duckdb/node-api@1.5.5-r.5", { cause });
  }
}

/** A connection to DuckDB as a warehouse uses it. */
export class DuckDBEngine implements Engine {
  readonly dialect = dialect;
  connection: DuckDBConnection;
  readonly #folder: string;

  /** - `folder`: for what is being loaded; it is there only then. */
  constructor(connection: DuckDBConnection, folder: string) {
    this.connection = connection;
    this.#folder = folder;
  }

  async run(sql: string, value?: string): Promise<number> {
    return (await this.connection.run(sql, value === undefined ? undefined : [value])).rowsChanged;
  }

  async all(sql: string, value?: string): Promise<StoredRow[]> {
    const reader = await this.connection.runAndReadAll(sql, value === undefined ? undefined : [value]);
    return reader.getRowObjectsJS().map(plainRow);
  }

  /** DuckDB reads JSON several times as fast from files as from a parameter. */
  async load(load: Load): Promise<void> {
    const { table, fields, common, records } = load;
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const paths = records.map((_, i) => join(this.#folder, `${i}.json`));
    const names = fields.map(({ name }) => quoted(name)).join(", ");
    const columns = [...fields, ...common].map(({ name }) => quoted(name)).join(", ");
    const types = fields.map(({ name, type }) => `${literal(name)}: ${literal(sent(type))}`);
    try {
      await Promise.all(records.map((text, i) => writeFile(paths[i] as string, text)));
      await this.connection.run(
        `INSERT INTO ${quoted(table)} (${columns}) SELECT ${names}${valuesOf(load, dialect)} ` +
          `FROM read_json([${paths.map(literal).join(", ")}], format = 'array', columns = {${types.join(", ")}})`,
      );
    } finally {
      await rm(this.#folder, { recursive: true });
    }
  }

  async append(table: string, fields: readonly Field[], rows: readonly StoredRow[]): Promise<void> {
    const appender = await this.connection.createAppender(table);
    try {
      // The fields of a table are in the order of its columns.
      const writers = fields.map(({ name, type }) => [name, APPEND[type]] as const);
      for (const row of rows) {
        for (const [name, append] of writers) {
          const value = row[name];
          if (value === null || value === undefined) appender.appendNull();
          else append(appender, value);
        }
        appender.endRow();
      }
    } finally {
      appender.closeSync();
    }
  }
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** How often to look whether the file is free, in milliseconds. */
const LOOK = 100;

const text = (appender: DuckDBAppender, value: Stored) => appender.appendVarchar(value as string);

const APPEND: { readonly [T in Field["type"]]: (appender: DuckDBAppender, value: Stored) => void } = {
  boolean: (appender, value) => appender.appendBoolean(value as boolean),
  bigint: (appender, value) => appender.appendBigInt(BigInt(value as number)),
  double: (appender, value) => appender.appendDouble(value as number),
  text,
  json: text,
  // DuckDB casts what is appended to the column's type.
  timestamp: text,
};

/** Whole numbers come as bigint; here they are safe, as they were before. */
function plainRow(row: { readonly [column: string]: unknown }): StoredRow {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => {
      if (typeof value === "bigint") return [name, Number(value)];
      return [name, value instanceof Date ? value.toISOString() : (value as Stored)];
    }),
  );
}

/** What to do while another process has the file open. */
export interface Patience {
  /** Milliseconds; 0 by default. */
  readonly wait?: number;
  /** Told once, as soon as it has to wait. */
  readonly onWait?: () => void;
  readonly clock?: Clock;
}

/**
 * A warehouse in a file of DuckDB. Only one process at a time has it open.
 *
 * @example const sink = duckdbSink("reports.duckdb");
 */
export function duckdbSink(path: string, patience: Patience = {}): Sink {
  let opening: Promise<{ instance: DuckDBInstance; connection: DuckDBConnection }> | null = null;
  const open = () => {
    opening ??= opened(path, patience).catch((error: unknown) => {
      opening = null;
      throw error;
    });
    return opening;
  };
  const close = async () => {
    if (opening === null) return;
    const { instance, connection } = await opening;
    connection.closeSync();
    instance.closeSync();
    opening = null;
  };
  return {
    place: path,
    async session(): Promise<Session> {
      const engine = new DuckDBEngine((await open()).connection, loadFolder(path));
      if (path === ":memory:") return new SqlSession(engine);
      return new SqlSession(engine, async () => {
        await engine.run(`ATTACH '${quotedPath(`${path}.new`)}' AS "tidemark$new"`);
        await engine.run(`COPY FROM DATABASE ${quoted(await nameOf(engine))} TO "tidemark$new"`);
        await engine.run('DETACH "tidemark$new"');
        await close();
        // The log of the old file is empty: it was closed.
        renameSync(`${path}.new`, path);
        engine.connection = (await open()).connection;
      });
    },
    async query(sql): Promise<Answer> {
      const connection = await (await open()).instance.connect();
      try {
        return await answered(connection, sql);
      } finally {
        connection.closeSync();
      }
    },
    close,
  };
}

function quotedPath(path: string): string {
  return path.replaceAll("'", "''");
}

async function nameOf(engine: DuckDBEngine): Promise<string> {
  return String((await engine.all("SELECT current_database() AS name"))[0]?.name);
}

async function opened(path: string, { wait = 0, onWait, clock = systemClock }: Patience) {
  const { DuckDBInstance } = await driver();
  for (let waited = 0; ; waited += LOOK) {
    try {
      const instance = await DuckDBInstance.create(path);
      // Of a copy that was broken off, by whoever had the file before: it is made anew.
      for (const end of ["", ".wal"]) rmSync(`${path}.new${end}`, { force: true });
      const connection = await instance.connect();
      await connection.run("SET TimeZone = 'UTC'");
      return { instance, connection };
    } catch (cause) {
      const held = /lock/i.test((cause as Error).message);
      if (!held)
        throw new WarehouseError("foreign", `${path} cannot be opened: ${(cause as Error).message.split("\n")[0]}`, {
          cause,
        });
      if (waited >= wait)
        throw new WarehouseError(
          "overtaken",
          `${path} cannot be opened: another process has it open, and DuckDB lets in only one; try again when it is done`,
          { cause },
        );
      if (waited === 0) onWait?.();
    }
    await clock.sleep(LOOK);
  }
}

/** What a query gives; whatever it did is undone. */
export async function answered(connection: DuckDBConnection, sql: string): Promise<Answer> {
  await connection.run("BEGIN TRANSACTION READ ONLY");
  try {
    const reader = await connection.runAndReadAll(sql);
    const columns = reader.columnNames();
    const whole = new Set(columns.filter((_, i) => WHOLE.test(String(reader.columnType(i)))));
    return { columns, rows: reader.getRowObjectsJson().map((row) => withNumbers(row, whole)) };
  } finally {
    await connection.run("ROLLBACK").catch(() => undefined);
  }
}

const WHOLE = /^U?(BIGINT|HUGEINT)$/;

/** Whole numbers come as texts; those that a number holds exactly become one. */
function withNumbers(
  row: { readonly [column: string]: unknown },
  whole: ReadonlySet<string>,
): { [column: string]: unknown } {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => {
      const number = Number(value);
      return [name, whole.has(name) && value !== null && Number.isSafeInteger(number) ? number : value];
    }),
  );
}
