import { existsSync, statSync } from "node:fs";
import { isPostgresUrl } from "../store/postgres/place.ts";
import type { Store } from "../store/store.ts";
import { misuse } from "./failure.ts";

/** What `--data` and a command's WHERE may name beside a server: a folder, or a database of PostgreSQL. */
export const isPostgres = isPostgresUrl;

/** Opens either. The code of one is not loaded where the other is asked for. */
export async function openData(data: string, readonly = false): Promise<Store> {
  if (isPostgres(data)) {
    const { openPostgresStore } = await import("../store/postgres/index.ts");
    return openPostgresStore({ url: data, readonly });
  }
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
