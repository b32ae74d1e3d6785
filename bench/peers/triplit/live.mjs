import { TriplitClient } from "@triplit/client";
import jwt from "jsonwebtoken";
import { WebSocket } from "ws";
import { PROJECT, SECRET, schema } from "./schema.mjs";

globalThis.WebSocket = WebSocket;

async function connected(url) {
  const client = new TriplitClient({
    storage: "memory",
    serverUrl: url,
    token: jwt.sign({ "x-triplit-token-type": "secret", "x-triplit-project-id": PROJECT }, SECRET),
    schema: schema.collections,
    autoConnect: false,
    logLevel: "error",
  });
  await client.connect();
  return client;
}

export async function follow(url, _name, told) {
  const client = await connected(url);
  await new Promise((onRemoteFulfilled, onError) => {
    client.subscribe(client.query("tasks"), (rows) => rows.forEach(({ id, updated }) => told(id, updated)), onError, {
      onRemoteFulfilled,
    });
  });
}

export async function openWriter(url) {
  const client = await connected(url);
  await new Promise((onFulfilled, onError) => {
    client.subscribeBackground(client.query("tasks"), { onFulfilled, onError });
  });
  return ({ id, title, updated }) => client.update("tasks", id, { title, updated });
}
