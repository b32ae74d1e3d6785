import { once } from "node:events";
import { WebSocket } from "ws";
import type { Follow, OpenWriter } from "../live/work.ts";
import type { Row } from "../work.ts";

export const follow: Follow = async (url: string, _name, told) => {
  const socket = await opened(url);
  socket.on("message", (data) => {
    const { id, updated } = JSON.parse(String(data)) as Row;
    told(id, updated);
  });
};

export const openWriter: OpenWriter = async (url: string) => {
  const socket = await opened(url);
  return (row) => socket.send(JSON.stringify(row));
};

async function opened(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url.replace("http", "ws"), { perMessageDeflate: false });
  await once(socket, "open");
  return socket;
}
