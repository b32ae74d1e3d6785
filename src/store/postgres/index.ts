import type { Store } from "../store.ts";
import { Connection } from "./connection.ts";
import { storeFailure } from "./failure.ts";
import { Listening } from "./notify.ts";
import { type PostgresStoreOptions, placeOf } from "./place.ts";
import { PostgresStore, spacesOf } from "./postgres-store.ts";

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
