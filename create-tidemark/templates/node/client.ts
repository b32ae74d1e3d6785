import { createClient } from "tidemark/client";
import { sqliteStore } from "tidemark/client/sqlite";
import { collections } from "./collections.ts";

const url = process.argv[2] ?? "http://127.0.0.1:4848";
const store = sqliteStore({ path: "replica.db" });
const client = createClient({ url, space: "main", schema: { collections }, store });
// With a store that stays, what it holds can be read, and written to, while the server is away.
client.subscribe({ scope: "list/home" });
await client.mutate((tx) => tx.insert("notes", { id: crypto.randomUUID(), list: "home", text: "Milk" })).local;
await client.sync().catch((error: Error) => console.error(`not sent yet: ${error.message}`));
console.log(await client.query({ collection: "notes" }));
console.log(`${client.status.pending} mutations wait`);
await client.close();
