import { once } from "node:events";
import { createRequire } from "node:module";
import { WebSocketServer } from "ws";
import { record } from "../../records.ts";

const { setupWSConnection, getYDoc } = createRequire(import.meta.url)("y-websocket/bin/utils");

export async function start({ records }) {
  const doc = getYDoc("tasks", true);
  const tasks = doc.getMap("tasks");
  const write = (rows) => doc.transact(() => rows.forEach((row) => tasks.set(row.id, row)));
  write(Array.from({ length: records }, (_, i) => record(i)));
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
  server.on("connection", (socket, request) => setupWSConnection(socket, request, { gc: true }));
  await once(server, "listening");
  return {
    address: `ws://127.0.0.1:${server.address().port}`,
    change: async (rows) => {
      for (let at = 0; at < rows.length; at += 100) write(rows.slice(at, at + 100));
    },
    holds: async (ids) => ids.filter((id) => tasks.has(id)).length,
  };
}
