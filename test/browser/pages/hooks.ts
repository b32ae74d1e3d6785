// Components over the hooks of tidemark/react, under StrictMode, driven from outside.
import { createElement, Fragment, memo, StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { type Client, createClient } from "tidemark/client";
import { TidemarkProvider, useMutate, useQuery, useRecord, useStatus } from "tidemark/react";
import type { HooksApi } from "../api.ts";

let client: Client;
let setMore: (more: number) => void = () => {};
const renders = { list: 0, row: 0 };
/** Each pair of results that two components have shown in one commit. */
const pairs: [string, string][] = [];
const identities = new Set<unknown>();

const Row = memo(({ record }: { record: { id: string; title?: unknown } }) => {
  renders.row++;
  return createElement("li", null, String(record.title));
});

function List({ name }: { name: string }) {
  // Written in place, as most are.
  const { records, ready, error } = useQuery({ collection: "items", where: { kind: "x" }, orderBy: "title" });
  renders.list++;
  if (name === "a") identities.add(records);
  const items = records as readonly { id: string; title?: unknown }[];
  return createElement(
    "ul",
    { id: name, "data-ready": String(ready), "data-error": error?.message ?? "" },
    items.map((record) => createElement(Row, { key: record.id, record })),
  );
}

function Rest() {
  const [more, set] = useState(0);
  setMore = set;
  const { state, pending } = useStatus();
  const record: { title?: unknown } | null | undefined = useRecord("items", "1");
  const mutate = useMutate();
  const title = record === undefined ? "asking" : record === null ? "none" : String(record.title);
  return createElement(
    Fragment,
    null,
    createElement("p", { id: "status" }, `${state} ${pending}`),
    createElement("p", { id: "record" }, title),
    createElement("button", {
      id: "write",
      type: "button",
      onClick: () => mutate((tx) => tx.update("items", "1", { title: "clicked" })),
    }),
    Array.from({ length: more }, (_, i) => createElement(List, { key: i, name: `more-${i}` })),
  );
}

const api: HooksApi = {
  open(url, scope) {
    client = createClient({ url, space: "main" });
    client.subscribe({ scope });
    const root = createRoot(document.body.appendChild(document.createElement("main")));
    root.render(
      createElement(
        StrictMode,
        null,
        createElement(
          TidemarkProvider,
          { client },
          createElement(List, { name: "a" }),
          createElement(List, { name: "b" }),
          createElement(Rest),
        ),
      ),
    );
    new MutationObserver(() => {
      const shown = ["a", "b"].map((id) => document.getElementById(id)?.textContent ?? "");
      pairs.push([shown[0] ?? "", shown[1] ?? ""]);
    }).observe(document, { subtree: true, childList: true, characterData: true });
  },
  async write(id, atoms) {
    await client.mutate((tx) => tx.insert("items", { id, ...atoms })).local;
  },
  async change(id, atoms) {
    await client.mutate((tx) => tx.update("items", id, atoms)).local;
  },
  async recover() {
    await client.recover();
  },
  more: (count) => setMore(count),
  seen: () => ({ ...renders, lists: identities.size, torn: pairs.filter(([a, b]) => a !== b).length }),
};
Object.assign(globalThis, { api });
