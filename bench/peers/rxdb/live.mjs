import { replicateWithWebsocketServer } from "rxdb/plugins/replication-websocket";
import { database } from "./collection.mjs";

async function replica(url, name) {
  const { tasks } = await database(name);
  const replication = await replicateWithWebsocketServer({
    collection: tasks,
    replicationIdentifier: "tasks",
    url,
    batchSize: 1000,
    live: true,
  });
  await replication.awaitInitialReplication();
  return tasks;
}

export async function follow(url, name, told) {
  const tasks = await replica(url, name);
  tasks.$.subscribe(({ documentData: { id, updated } }) => told(id, updated));
}

export async function openWriter(url, name) {
  const tasks = await replica(url, name);
  return (row) => tasks.incrementalUpsert(row);
}
