import type { Store } from "../store.ts";
import { Connection } from "./connection.ts";
import { storeFailure } from "./failure.ts";
import { type PostgresPlace, placeOf } from "./place.ts";
import { PostgresStore, spacesOf } from "./postgres-store.ts";
import { Session } from "./session.ts";
import { formatOf } from "./tables.ts";
import { wakeOf } from "./wake/choose.ts";
import { Listening, type StoreLog } from "./wake/listening.ts";
import type { Wake } from "./wake/wake.ts";

export { isPostgresUrl, type PostgresPlace } from "./place.ts";
export { isWake } from "./wake/choose.ts";
export type { StoreLog } from "./wake/listening.ts";
export type { Wake, WakeLink } from "./wake/wake.ts";

const CONNECTIONS = 10;

export interface PostgresStoreOptions extends PostgresPlace {
  /** Connections at most, beside the one that listens; by default 10. */
  readonly connections?: number | undefined;
  /** Reads only: makes and changes no table. */
  readonly readonly?: boolean | undefined;
  /**
   * How the servers of one database tell each other of commits: `notify` (the default), `nats://host:4222`, `none`, or
   * anything that carries texts between them. Without, they look every 5 seconds.
   */
  readonly wake?: string | Wake | undefined;
  /** Told when other servers are not heard, and when they are again. */
  readonly log?: StoreLog | undefined;
}

/**
 * Opens a store on PostgreSQL 14 or newer, with the driver `postgres` or `pg`, for any number of servers at a
 * time. Its tables lie in one schema, and are made and brought up to date here.
 *
 * @throws StoreError where the database cannot be reached or used, is not Tidemark's, or was written by a newer version.
 * @example const store = await openPostgresStore({ url: "postgres://tidemark@localhost/app?schema=sync" });
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const place = await placeOf(options);
  const connection = new Connection(place, options.connections ?? CONNECTIONS, options.readonly ?? false);
  const wake = await wakeOf(options.wake ?? "notify", place);
  const listening = new Listening(wake, () => connection.read(spacesOf), options.log);
  try {
    await connection.open();
    await listening.start();
    return new PostgresStore(connection, listening);
  } catch (error) {
    await listening.close();
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
export async function surveyPostgres(options: PostgresPlace): Promise<Survey> {
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
