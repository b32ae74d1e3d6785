import { createMergeableStore } from "tinybase/mergeable-store";
import { createWsSynchronizer } from "tinybase/synchronizers/synchronizer-ws-client";
import { WebSocket } from "ws";
import { until } from "../work.ts";

const REQUEST_TIMEOUT_SECONDS = 30;

export async function open(url) {
  const store = createMergeableStore();
  let synchronizer;
  const visit = async () => {
    const socket = new WebSocket(url, { maxPayload: 2 ** 29, perMessageDeflate: false });
    synchronizer = await createWsSynchronizer(store, socket, REQUEST_TIMEOUT_SECONDS);
    await synchronizer.startSync();
  };
  return {
    copy: async () => {
      await visit();
      await until(() => store.getRowCount("tasks") > 0, 5);
    },
    read: async (id) => (store.hasRow("tasks", id) ? store.getRow("tasks", id) : undefined),
    size: async () => store.getRowCount("tasks"),
    offline: () => synchronizer.destroy(),
    nothing: visit,
    catchUp: async (seen) => {
      await visit();
      await until(seen, 1);
    },
    queue: async (rows) => {
      for (const { id, ...row } of rows) store.setRow("tasks", id, row);
    },
    push: async (held) => {
      await visit();
      await held();
    },
    close: () => synchronizer.destroy(),
  };
}
