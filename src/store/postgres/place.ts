import type postgres from "postgres";
import { StoreError } from "../store.ts";
import type { Driver } from "./driver/driver.ts";
import { type Pg, pgDriver } from "./driver/pg.ts";
import { type OpenReplication, type PostgresDriver, postgresDriver } from "./driver/postgres-js.ts";

export interface PostgresPlace {
  /**
   * `postgres://user:password@host:port/database?schema=tidemark`. What it leaves out comes from PGHOST, PGUSER,
   * PGPASSWORD and so on, as for psql.
   */
  readonly url?: string | undefined;
  /** Instead of a `url`: a client of the driver `postgres`, whose settings are used (TLS, a password that changes). */
  readonly sql?: Pick<postgres.Sql, "options"> | undefined;
  /** Instead of a `url`: a pool of the driver `pg`, whose settings are used. */
  readonly pool?: { readonly options: object } | undefined;
  /** The driver; by default that of the `url` (`?driver=pg`), else the one that is installed, `postgres` before `pg`. */
  readonly driver?: "postgres" | "pg" | undefined;
  /** Where the tables are; made where it is missing. By default that of the `url`, else `tidemark`. */
  readonly schema?: string | undefined;
}

/** Where a store is, and how to open a connection to it. */
export interface Place {
  /** For people: host, port, database and schema, without user and password. */
  readonly text: string;
  readonly schema: string;
  readonly driver: Driver;
  /** Opens a connection that follows PostgreSQL's log; null where the driver cannot. */
  readonly replication: OpenReplication | null;
}

const SCHEMA = /^[a-z_][a-z0-9_]{0,62}$/;

/** Whether a text is an address of PostgreSQL (`postgres://…`), and not a folder. */
export function isPostgresUrl(text: string): boolean {
  return /^postgres(ql)?:\/\//i.test(text);
}

/** @throws StoreError where no driver is installed, or the address is none. */
export async function placeOf(options: PostgresPlace): Promise<Place> {
  const { url = "" } = options;
  if (url !== "" && !isPostgresUrl(url)) throw malformed();
  const [address, query] = url.split("?");
  const parameters = new URLSearchParams(query);
  const schema = options.schema ?? parameters.get("schema") ?? "tidemark";
  if (!SCHEMA.test(schema)) {
    throw new StoreError("unavailable", `The schema ${JSON.stringify(schema)} does not match [a-z_][a-z0-9_]{0,62}.`);
  }
  const name = options.driver ?? parameters.get("driver");
  // What a driver does not know it would send to PostgreSQL as a setting.
  for (const own of ["schema", "driver"]) parameters.delete(own);
  const plain = url === "" ? "" : `${address}?${parameters}`;
  const driver = await driverOf(options, name, plain);
  return {
    text: `PostgreSQL at ${driver.text} (schema ${schema})`,
    schema,
    driver,
    replication: "replication" in driver ? driver.replication : null,
  };
}

async function driverOf(
  { sql, pool }: PostgresPlace,
  name: string | null,
  url: string,
): Promise<PostgresDriver | Driver> {
  if (sql !== undefined) return postgresDriver(await installed(importPostgres(), "postgres"), sql.options);
  if (pool !== undefined) return pgDriver(await installed(importPg(), "pg"), pool.options);
  if (name !== null && name !== "postgres" && name !== "pg") {
    throw new StoreError(
      "unavailable",
      `There is no driver ${JSON.stringify(name)} of PostgreSQL: it is postgres or pg.`,
    );
  }
  const first = name === "pg" ? null : await importPostgres();
  if (first === null && (name === "pg" || (name === null && (await importPg()) !== null))) {
    const pg = await installed(importPg(), "pg");
    return parsed(() => pgDriver(pg, url === "" ? {} : { connectionString: url }));
  }
  const make = await installed(Promise.resolve(first), "postgres");
  return parsed(() => postgresDriver(make, make(url, { max: 1 }).options));
}

/** A driver's error about an address would quote the password. */
function parsed<T>(make: () => T): T {
  try {
    return make();
  } catch {
    throw malformed();
  }
}

function malformed(): StoreError {
  return new StoreError("unavailable", "The address of PostgreSQL is not of the form postgres://user@host/database.");
}

function importPostgres(): Promise<typeof postgres | null> {
  return import("postgres").then(
    (module) => module.default,
    () => null,
  );
}

function importPg(): Promise<Pg | null> {
  // It brings no types.
  return import("pg" as string).then(
    (module: { default: Pg }) => module.default,
    () => null,
  );
}

async function installed<T>(importing: Promise<T | null>, name: string): Promise<T> {
  const found = await importing;
  if (found !== null) return found;
  const cure = `install it beside tidemark: npm install ${name}`;
  throw new StoreError("unavailable", `The driver of PostgreSQL is not installed: ${cure}.`);
}
