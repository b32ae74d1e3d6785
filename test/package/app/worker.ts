// A client in a web worker.
import { createClient } from "tidemark/client";
import { indexedDbStore } from "tidemark/client/indexeddb";
import { collections } from "./collections.ts";

addEventListener("message", ({ data: url }: MessageEvent<string>) => {
  const store = indexedDbStore({ name: "main/worker" });
  const client = createClient({ url, space: "main", schema: { collections }, store });
  client.subscribe({ scope: "*" });
  client.mutate((tx) => tx.insert("tasks", { id: "worker", title: "From the worker", status: "todo", order: 2 }));
});
