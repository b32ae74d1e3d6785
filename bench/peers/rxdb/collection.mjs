import { createRxDatabase } from "rxdb/plugins/core";
import { getRxStorageMemory } from "rxdb/plugins/storage-memory";

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

export async function database(name) {
  const db = await createRxDatabase({ name, storage: getRxStorageMemory(), multiInstance: false });
  await db.addCollections({ tasks: { schema } });
  return db;
}
