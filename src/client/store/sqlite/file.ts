import { DatabaseSync } from "node:sqlite";
import { madeReady } from "../sql/tables.ts";

/** SQLite's default. */
const PAGE_BYTES = 4_096;

export function openedFile(path: string, maxBytes: number | undefined): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: 1_000 });
  try {
    if (maxBytes !== undefined) db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxBytes / PAGE_BYTES))}`);
    madeReady(db, path);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
