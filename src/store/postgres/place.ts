import type postgres from "postgres";
import { StoreError } from "../store.ts";
import { Hosts } from "./hosts.ts";
import type { Driver } from "./session.ts";

export interface PostgresStoreOptions {
  /**
   * `postgres://user:password@host:port/database?schema=tidemark`. What it leaves out comes from PGHOST, PGUSER,
   * PGPASSWORD and so on, as for psql.
   */
  readonly url?: string | undefined;
  /** Instead of a `url`: a client of the driver `postgres`, whose settings are used (TLS, a password that changes). */
  readonly sql?: Pick<postgres.Sql, "options"> | undefined;
  /** Where the tables are; made where it is missing. By default that of the `url`, else `tidemark`. */
  readonly schema?: string | undefined;
  /** Connections at most, beside the one that listens; by default 10. */
  readonly connections?: number | undefined;
  /** Reads only: makes and changes no table. */
  readonly readonly?: boolean | undefined;
}

/** Where a store is, and how to open a connection to it. */
export interface Place {
  /** For people: host, port, database and schema, without user and password. */
  readonly text: string;
  readonly schema: string;
  readonly driver: Driver;
}

const SCHEMA = /^[a-z_][a-z0-9_]{0,62}$/;

export function isPostgresUrl(text: string): boolean {
  return /^postgres(ql)?:\/\//i.test(text);
}

/** @throws StoreError where the driver is not installed, or the address is none. */
export async function placeOf(options: PostgresStoreOptions): Promise<Place> {
  const { url = "" } = options;
  if (url !== "" && !isPostgresUrl(url)) throw malformed();
  const [address, query] = url.split("?");
  const parameters = new URLSearchParams(query);
  const schema = options.schema ?? parameters.get("schema") ?? "tidemark";
  if (!SCHEMA.test(schema)) {
    throw new StoreError("unavailable", `The schema ${JSON.stringify(schema)} does not match [a-z_][a-z0-9_]{0,62}.`);
  }
  // What the driver does not know it would send to PostgreSQL as a setting.
  parameters.delete("schema");
  const make = await driver();
  const base = options.sql?.options ?? settingsOf(make, url === "" ? url : `${address}?${parameters}`);
  const settings = {
    ...base,
    max: 1,
    // The driver takes settings that are parsed already as they are.
    shared: { retries: 0, typeArrayMap: {} },
    // A session lives as long as it is of use; the pool decides.
    idle_timeout: null,
    max_lifetime: null,
    fetch_types: false,
    debug: false,
    onnotice: () => undefined,
    transform: UNTOUCHED,
    connection: { ...base.connection, application_name: "tidemark" },
  };
  const hosts = new Hosts(base);
  return {
    text: `PostgreSQL at ${hosts.text}/${base.database} (schema ${schema})`,
    schema,
    driver: ({ connection, ...more }) =>
      make({
        ...settings,
        ...more,
        ...hosts.next(more),
        connection: { ...settings.connection, ...connection },
      } as never),
  };
}

const UNTOUCHED = { undefined: undefined, column: {}, value: {}, row: {} };

function settingsOf(make: typeof postgres, url: string): postgres.Sql["options"] {
  try {
    return make(url, { max: 1 }).options;
  } catch {
    // Its error would quote the password.
    throw malformed();
  }
}

function malformed(): StoreError {
  return new StoreError("unavailable", "The address of PostgreSQL is not of the form postgres://user@host/database.");
}

async function driver(): Promise<typeof postgres> {
  try {
    return (await import("postgres")).default;
  } catch (error) {
    const cure = "install it beside tidemark: npm install postgres";
    throw new StoreError("unavailable", `The driver of PostgreSQL is not installed: ${cure}.`, { cause: error });
  }
}
