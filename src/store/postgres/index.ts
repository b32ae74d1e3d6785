import type { Store } from "../store.ts";
import { Connection } from "./connection.ts";
import { storeFailure } from "./failure.ts";
import { Listening } from "./notify.ts";
import { type PostgresStoreOptions, placeOf } from "./place.ts";
import { PostgresStore, spacesOf } from "./postgres-store.ts";
import { Session } from "./session.ts";
import { formatOf } from "./tables.ts";

export { isPostgresUrl, type PostgresStoreOptions } from "./place.ts";

const CONNECTIONS = 10;

/**
 * Opens a store on PostgreSQL 14 or newer, with the driver `postgres`, for any number of servers at a time. Its tables
 * lie in one schema, and are made and brought up to date here.
 *
 * @throws StoreError where the database cannot be reached or used, is not Tidemark's, or was written by a newer version.
 * @example const store = await openPostgresStore({ url: "postgres://tidemark@localhost/app?schema=sync" });
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const place = await placeOf(options);
  const connection = new Connection(place, options.connections ?? CONNECTIONS, options.readonly ?? false);
  const listening = new Listening(place, () => connection.read(spacesOf));
  try {
    await connection.open();
    await listening.start();
    return new PostgresStore(connection, listening);
  } catch (error) {
    listening.close();
    connection.close();
    throw storeFailure(error, place.text);
  }
}

export interface Survey {
  readonly version: string;
  /** Whether the server writes through to its disk. Without it nothing is durable, whatever a commit says. */
  readonly fsync: boolean;
  /** Whether there are tables of Tidemark. */
  readonly tables: boolean;
}

/** Looks at a database and changes nothing. @throws StoreError as `openPostgresStore` does. */
export async function surveyPostgres(options: PostgresStoreOptions): Promise<Survey> {
  const place = await placeOf(options);
  const session = new Session(place.driver);
  try {
    const [found] = await session.query<{ version: string; fsync: string }>(
      "SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync",
    );
    const format = await formatOf(session, place.schema);
    return { version: found?.version ?? "", fsync: found?.fsync !== "off", tables: format > 0 };
  } catch (error) {
    throw storeFailure(error, place.text);
  } finally {
    session.close();
  }
}
