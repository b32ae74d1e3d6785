import { existsSync, statSync } from "node:fs";
import type { PostgresStoreOptions } from "../store/postgres/index.ts";
import { isPostgresUrl } from "../store/postgres/place.ts";
import type { Store } from "../store/store.ts";
import { misuse } from "./failure.ts";

const WAKES = "notify, an address of NATS such as nats://127.0.0.1:4222, or none";

/** What `--data` and a command's WHERE may name beside a server: a folder, or a database of PostgreSQL. */
export const isPostgres = isPostgresUrl;

/** Opens either. The code of one is not loaded where the other is asked for; `more` is for a database alone. */
export async function openData(
  data: string,
  readonly = false,
  more: Pick<PostgresStoreOptions, "wake" | "log"> = {},
): Promise<Store> {
  if (isPostgres(data)) {
    const { isWake, openPostgresStore } = await import("../store/postgres/index.ts");
    // It is not repeated: it may be an address with a password.
    if (typeof more.wake === "string" && !isWake(more.wake)) throw misuse(`--wake is ${WAKES}.`);
    return openPostgresStore({ url: data, readonly, ...more });
  }
  if (more.wake !== undefined) throw misuse("--wake is for the servers of a database of PostgreSQL.");
  checkFolder(data);
  const { openSqliteStore } = await import("../store/sqlite/index.ts");
  return openSqliteStore({ path: data, readonly });
}

/** The name of either for people: without user and password. */
export function shownData(data: string): string {
  if (!isPostgres(data)) return data;
  return data.replace(/\/\/[^/]*@/, "//");
}

/** Refuses a file where a data folder is expected. */
export function checkFolder(folder: string): void {
  if (existsSync(folder) && !statSync(folder).isDirectory()) {
    throw misuse(`${folder} is a file, and a data folder was expected.`);
  }
}

/** Refuses a database where only a folder will do, and says what PostgreSQL has for it. */
export function checkNoPostgres(data: string, cure: string): void {
  if (isPostgres(data)) throw misuse(`${shownData(data)} is a database of PostgreSQL: ${cure}.`);
}
