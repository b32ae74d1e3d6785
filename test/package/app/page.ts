// A page of React with a replica of its own, and a worker with another one.
import { createElement } from "react";
import { createRoot } from "react-dom/client";
import { createClient } from "tidemark/client";
import { indexedDbStore } from "tidemark/client/indexeddb";
import { typedHooks } from "tidemark/react";
import { collections } from "./collections.ts";

const url = new URLSearchParams(location.search).get("server") ?? "";
const { TidemarkProvider, useQuery } = typedHooks<typeof collections>();
const store = indexedDbStore({ name: "main/page" });
const client = createClient({ url, space: "main", schema: { collections }, store });
client.subscribe({ scope: "*" });

function List() {
  const { records, ready } = useQuery({ collection: "tasks", orderBy: "order" });
  const items = records.map(({ id, title }) => createElement("li", { key: id }, title));
  return createElement("ul", { "data-ready": ready }, items);
}

const root = createRoot(document.body.appendChild(document.createElement("main")));
root.render(createElement(TidemarkProvider, { client }, createElement(List)));
client.mutate((tx) => tx.insert("tasks", { id: "page", title: "From the page", status: "todo", order: 1 }));
new Worker(new URL("./worker.ts", import.meta.url), { type: "module" }).postMessage(url);
