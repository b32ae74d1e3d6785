import { StoreError } from "../store.ts";

/** SQLite's primary result codes: https://www.sqlite.org/rescode.html */
const CORRUPT = 11;
export const FULL = 13;
const NOTADB = 26;
const UNAVAILABLE = new Set([3, 5, 6, 7, 8, 10, 14, 23]);

/** A failure of SQLite in the store's words; anything else as it is. */
export function storeFailure(error: unknown, name: string): unknown {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  if (typeof code !== "number" || !(error instanceof Error)) return error;
  const primary = code & 0xff;
  const options = { cause: error };
  if (primary === FULL) {
    return new StoreError(
      "full",
      `no room to write ${name}: free some disk space; nothing of this write was kept`,
      options,
    );
  }
  if (primary === CORRUPT || primary === NOTADB) {
    return new StoreError("damaged", `${name} is damaged: ${error.message}`, options);
  }
  if (UNAVAILABLE.has(primary)) {
    const text = `${name} cannot be used now (${error.message}): somebody else may have it, or look at the disk`;
    return new StoreError("unavailable", text, options);
  }
  return error;
}
