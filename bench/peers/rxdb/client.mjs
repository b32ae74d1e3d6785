import { replicateWithWebsocketServer } from "rxdb/plugins/replication-websocket";
import { database } from "./collection.mjs";

/** Each visit is a replication that ends; the same identifier makes it go on from its checkpoint. */
export async function open(url, { run }) {
  const { tasks } = await database(`run${run}`);
  let replication;
  const visit = async () => {
    replication = await replicateWithWebsocketServer({
      collection: tasks,
      replicationIdentifier: "tasks",
      url,
      batchSize: 1000,
      live: false,
    });
    await replication.awaitInitialReplication();
  };
  return {
    copy: visit,
    read: async (id) => (await tasks.findOne(id).exec()) ?? undefined,
    size: () => tasks.count().exec(),
    offline: async () => {
      await replication.cancel();
      // The plugin closes its connection with the collection alone; a connection left open gets every change as well.
      tasks.onClose.pop()();
    },
    nothing: visit,
    catchUp: visit,
    queue: async (rows) => {
      await tasks.bulkInsert([...rows]);
    },
    push: async () => {
      await visit();
      await replication.awaitInSync();
    },
    close: () => replication.cancel(),
  };
}
