import { once } from "node:events";
import { startWebsocketServer } from "rxdb/plugins/replication-websocket";
import { record } from "../../records.ts";
import { database } from "./collection.mjs";

export async function start({ records }) {
  const db = await database("server");
  for (let at = 0; at < records; at += 5000) {
    const count = Math.min(5000, records - at);
    await db.tasks.bulkInsert(Array.from({ length: count }, (_, i) => record(at + i)));
  }
  const { server } = startWebsocketServer({ database: db, port: 0, host: "127.0.0.1", maxPayload: 2 ** 28 });
  if (server.address() === null) await once(server, "listening");
  return {
    address: `ws://127.0.0.1:${server.address().port}`,
    change: async (rows) => {
      await db.tasks.bulkUpsert(rows);
    },
    holds: async (ids) => (await db.tasks.findByIds([...ids]).exec()).size,
  };
}
