import { once } from "node:events";
import { createMergeableStore } from "tinybase/mergeable-store";
import { createCustomPersister } from "tinybase/persisters";
import { createWsServer } from "tinybase/synchronizers/synchronizer-ws-server";
import { WebSocket, WebSocketServer } from "ws";
import { record } from "../../records.ts";

const MERGEABLE_STORE_ONLY = 2;

export async function start({ records }) {
  const store = createMergeableStore();
  const write = (rows) =>
    store.transaction(() => rows.forEach(({ id, ...row }) => store.setPartialRow("tasks", id, row)));
  write(Array.from({ length: records }, (_, i) => record(i)));
  const sockets = new WebSocketServer({ port: 0, host: "127.0.0.1", maxPayload: 2 ** 29 });
  createWsServer(sockets, () =>
    createCustomPersister(
      store,
      async () => undefined,
      async () => {},
      () => 0,
      () => {},
      undefined,
      MERGEABLE_STORE_ONLY,
    ),
  );
  await once(sockets, "listening");
  const address = `ws://127.0.0.1:${sockets.address().port}/tasks`;
  // The server drops a store when its last client leaves; this one stays, and listens to nothing.
  await once(new WebSocket(address), "open");
  return {
    address,
    change: async (rows) => {
      for (let at = 0; at < rows.length; at += 100) {
        write(rows.slice(at, at + 100).map(({ id, title, updated }) => ({ id, title, updated })));
      }
    },
    holds: async (ids) => ids.filter((id) => store.hasRow("tasks", id)).length,
  };
}
