import type { IncomingMessage, Server } from "node:http";
import { type WebSocket, WebSocketServer } from "ws";

/** The least that tells many of a write: the same bytes to every socket. */
export function fanOut(server: Server): (frame: Buffer) => void {
  const sockets = new Set<WebSocket>();
  const upgrades = new WebSocketServer({ noServer: true, perMessageDeflate: false, clientTracking: false });
  server.on("upgrade", (request: IncomingMessage, socket, head) => {
    upgrades.handleUpgrade(request, socket, head, (opened) => {
      sockets.add(opened);
      opened.on("close", () => sockets.delete(opened));
    });
  });
  return (frame) => {
    for (const socket of sockets) socket.send(frame, { binary: false });
  };
}
