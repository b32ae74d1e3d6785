import { createRxDatabase } from "rxdb/plugins/core";
import { replicateWithWebsocketServer } from "rxdb/plugins/replication-websocket";
import { getRxStorageDexie } from "rxdb/plugins/storage-dexie";

const text = { type: "string" };
const schema = {
  version: 0,
  primaryKey: "id",
  type: "object",
  properties: {
    id: { type: "string", maxLength: 40 },
    title: text,
    status: text,
    priority: { type: "number" },
    assignee: text,
    body: text,
    updated: { type: "number" },
  },
  required: ["id", "title"],
};

let opening;

async function opened() {
  const db = await createRxDatabase({ name: "bench", storage: getRxStorageDexie() });
  await db.addCollections({ tasks: { schema } });
  return db.tasks;
}

function replica() {
  opening ??= opened();
  return opening;
}

export async function copy(url) {
  const replication = await replicateWithWebsocketServer({
    collection: await replica(),
    replicationIdentifier: "tasks",
    url,
    batchSize: 1000,
    live: true,
  });
  await replication.awaitInitialReplication();
}

export async function size() {
  return (await (await replica()).find().exec()).length;
}
