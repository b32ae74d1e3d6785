import { createRequire } from "node:module";
import { join } from "node:path";
import { SQLiteKVStore } from "@triplit/db/storage/sqlite";
import { createServer } from "@triplit/server";
import { record } from "../../records.ts";
import { freePort } from "../work.ts";
import { PROJECT, SECRET, schema } from "./schema.mjs";

const Database = createRequire(import.meta.url)("better-sqlite3");

export async function start({ folder, records }) {
  const startServer = await createServer({
    storage: new SQLiteKVStore(new Database(join(folder, "triplit.db"))),
    jwtSecret: SECRET,
    projectId: PROJECT,
    dbOptions: { schema },
    logHandler: { log() {}, startSpan() {} },
  });
  // The server offers its database nowhere else.
  const { db } = globalThis;
  for (let at = 0; at < records; at += 2000) {
    await db.transact(async (tx) => {
      for (let i = at; i < Math.min(records, at + 2000); i++) await tx.insert("tasks", record(i));
    });
  }
  const port = await freePort();
  await new Promise((ready) => startServer(port, ready));
  return {
    address: `http://127.0.0.1:${port}`,
    change: async (rows) => {
      for (let at = 0; at < rows.length; at += 100) {
        await db.transact(async (tx) => {
          for (const { id, title, updated } of rows.slice(at, at + 100)) {
            await tx.update("tasks", id, { title, updated });
          }
        });
      }
    },
    holds: async (ids) => {
      let held = 0;
      for (const id of ids) if (await db.fetchById("tasks", id)) held += 1;
      return held;
    },
  };
}
