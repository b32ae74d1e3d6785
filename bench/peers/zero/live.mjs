import process from "node:process";
import { Zero } from "@rocicorp/zero";
import postgres from "postgres";
import { WebSocket } from "ws";
import { mutators, queries, schema } from "./schema.mjs";

globalThis.WebSocket = WebSocket;

export async function follow({ cache, endpoint }, name, told) {
  const zero = new Zero({
    cacheURL: cache,
    schema,
    mutators,
    userID: "bench",
    kvStore: "mem",
    // A replica of a process before this one must not be found again.
    storageKey: `${process.pid}-${name}`,
    logLevel: "error",
    logSink: { log() {} },
    queryURL: `${endpoint}/query`,
    mutateURL: `${endpoint}/mutate`,
  });
  const view = zero.materialize(queries.all(), { ttl: "forever" });
  let rows = [];
  await new Promise((complete) => {
    view.addListener((list, type) => {
      // Rows that stay as they were are the same objects.
      for (const [i, row] of list.entries()) if (row !== rows[i]) told(row.id, row.updated);
      rows = list;
      if (type === "complete") complete();
    });
  });
}

export async function openWriter({ database }) {
  const sql = postgres(database, { max: 1, onnotice: () => {} });
  await sql`SELECT 1`;
  return ({ id, title, updated }) => sql`UPDATE tasks SET title = ${title}, updated = ${updated} WHERE id = ${id}`;
}
