import { StoreError } from "../store.ts";

/** SQLite's primary result codes, the low byte of an extended one: https://www.sqlite.org/rescode.html */
const BUSY = 5;
const CORRUPT = 11;
const FULL = 13;
const NOTADB = 26;
const UNAVAILABLE = new Set([3, BUSY, 6, 7, 8, 10, 14, 23]);
/** No room for the WAL's index, which lies in a file of its own. */
const IOERR_SHMSIZE = 10 | (19 << 8);

/** What a failure of SQLite means to who called the store; other errors, those of our own, are given back as they are. */
export function storeFailure(error: unknown, path: string): unknown {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  if (typeof code !== "number" || !(error instanceof Error)) return error;
  const primary = code & 0xff;
  const options = { cause: error };
  if (primary === FULL || code === IOERR_SHMSIZE) {
    return new StoreError(
      "full",
      `No room to write ${path}: free some disk space; nothing of this write was kept.`,
      options,
    );
  }
  if (primary === NOTADB) {
    return new StoreError("damaged", `${path} is not a database, or its first page is damaged.`, options);
  }
  if (primary === CORRUPT) {
    return new StoreError("damaged", `${path} is damaged (${error.message}): restore a backup.`, options);
  }
  if (UNAVAILABLE.has(primary)) {
    return new StoreError(
      "unavailable",
      `${path} cannot be read or written now (${error.message}): look at the disk.`,
      options,
    );
  }
  return error;
}

export function isBusy(error: unknown): boolean {
  return ((error as { errcode?: number } | null)?.errcode ?? 0) % 256 === BUSY;
}
