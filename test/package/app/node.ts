// Server and client in one process of Node, with the stores that stay.
import { createClient } from "tidemark/client";
import { sqliteStore } from "tidemark/client/sqlite";
import { collection, createServer, listen } from "tidemark/server";
import { openSqliteStore } from "tidemark/store/sqlite";
import { z } from "zod";

const tasks = collection({ schema: z.object({ id: z.string(), title: z.string() }), scopes: () => ["all"] });
const config = { spaces: "open", collections: { tasks }, auth: { open: true } } as const;
const log = { info: () => undefined, error: console.error };
const server = createServer({ store: openSqliteStore({ path: "data" }), config, log });
const { url, close } = await listen(server, { host: "127.0.0.1", port: 0 });
const client = createClient({
  url,
  space: "main",
  schema: { collections: { tasks } },
  store: sqliteStore({ path: "replica.db" }),
});
await client.subscribe({ scope: "all" }).ready;
const { status } = await client.mutate((tx) => tx.insert("tasks", { id: crypto.randomUUID(), title: "Milk" })).settled;
const { ok } = await client.verify();
console.log(status, ok, (await client.query({ collection: "tasks" })).at(0)?.title);
await client.close();
await close();
