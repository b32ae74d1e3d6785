import { createRequire } from "node:module";
import { WebSocket } from "ws";

// Both from CommonJS, so that there is one copy of Yjs.
const require = createRequire(import.meta.url);
const { Doc } = require("yjs");
const { WebsocketProvider } = require("y-websocket");

class Uncompressed extends WebSocket {
  constructor(url) {
    super(url, { perMessageDeflate: false });
  }
}

async function replica(url) {
  const doc = new Doc();
  const provider = new WebsocketProvider(url, "tasks", doc, { WebSocketPolyfill: Uncompressed, disableBc: true });
  await new Promise((done) => provider.on("sync", (is) => is && done()));
  return doc.getMap("tasks");
}

export async function follow(url, _name, told) {
  const tasks = await replica(url);
  tasks.observe(({ keysChanged }) => {
    for (const id of keysChanged) told(id, tasks.get(id).updated);
  });
}

export async function openWriter(url) {
  const tasks = await replica(url);
  return (row) => tasks.set(row.id, row);
}
