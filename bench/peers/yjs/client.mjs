import { createRequire } from "node:module";
import { WebSocket } from "ws";
import { sleep, until } from "../work.ts";

// Both from CommonJS, so that there is one copy of Yjs.
const require = createRequire(import.meta.url);
const { Doc } = require("yjs");
const { WebsocketProvider } = require("y-websocket");

class Uncompressed extends WebSocket {
  constructor(url) {
    super(url, { perMessageDeflate: false, maxPayload: 2 ** 29 });
  }
}

export async function open(url) {
  const doc = new Doc();
  const tasks = doc.getMap("tasks");
  const provider = new WebsocketProvider(url, "tasks", doc, {
    WebSocketPolyfill: Uncompressed,
    disableBc: true,
    connect: false,
  });
  const synced = () => new Promise((done) => provider.on("sync", (is) => is && done()));
  const visit = async () => {
    const done = synced();
    provider.connect();
    await done;
  };
  return {
    copy: visit,
    read: async (id) => tasks.get(id),
    size: async () => tasks.size,
    offline: async () => {
      provider.disconnect();
      await sleep(100);
    },
    nothing: visit,
    catchUp: async (seen) => {
      await visit();
      await until(seen, 1);
    },
    queue: async (rows) => {
      for (const row of rows) tasks.set(row.id, row);
    },
    push: async (held) => {
      await visit();
      await held();
    },
    close: async () => provider.destroy(),
  };
}
