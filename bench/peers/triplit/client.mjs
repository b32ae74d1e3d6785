import { TriplitClient } from "@triplit/client";
import jwt from "jsonwebtoken";
import { WebSocket } from "ws";
import { sleep, until } from "../work.ts";
import { PROJECT, SECRET, schema } from "./schema.mjs";

globalThis.WebSocket = WebSocket;

const LOCAL = { policy: "local-only" };

export async function open(url) {
  const client = new TriplitClient({
    storage: "memory",
    serverUrl: url,
    token: jwt.sign({ "x-triplit-token-type": "secret", "x-triplit-project-id": PROJECT }, SECRET),
    schema: schema.collections,
    autoConnect: false,
    logLevel: "error",
  });
  const tasks = client.query("tasks");
  return {
    copy: async () => {
      const fulfilled = new Promise((onFulfilled, onError) => {
        client.subscribeBackground(tasks, { onFulfilled, onError });
      });
      await client.connect();
      await fulfilled;
    },
    read: async (id) => (await client.fetchById("tasks", id, LOCAL)) ?? undefined,
    size: async () => (await client.fetch(tasks, LOCAL)).length,
    offline: async () => {
      client.disconnect();
      await sleep(500);
    },
    nothing: async () => {
      const told = new Promise((done) => {
        const stop = client.onSyncMessageReceived(({ type }) => {
          if (type !== "ENTITY_DATA") return;
          stop();
          done();
        });
      });
      await client.connect();
      await told;
    },
    catchUp: async (seen) => {
      await client.connect();
      await until(seen, 5);
    },
    queue: async (rows) => {
      for (const row of rows) await client.insert("tasks", row);
    },
    push: async (held) => {
      await client.connect();
      await held();
    },
    close: async () => client.disconnect(),
  };
}
