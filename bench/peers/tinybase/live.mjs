import { createMergeableStore } from "tinybase/mergeable-store";
import { createWsSynchronizer } from "tinybase/synchronizers/synchronizer-ws-client";
import { WebSocket } from "ws";
import { until } from "../work.ts";

const REQUEST_TIMEOUT_SECONDS = 30;

async function replica(url) {
  const store = createMergeableStore();
  const socket = new WebSocket(url, { perMessageDeflate: false });
  const synchronizer = await createWsSynchronizer(store, socket, REQUEST_TIMEOUT_SECONDS);
  await synchronizer.startSync();
  await until(() => store.getRowCount("tasks") > 0, 5);
  return store;
}

export async function follow(url, _name, told) {
  const store = await replica(url);
  store.addCellListener("tasks", null, "updated", (_store, _table, id, _cell, updated) => told(id, updated));
}

export async function openWriter(url) {
  const store = await replica(url);
  return ({ id, title, updated }) => store.setPartialRow("tasks", id, { title, updated });
}
