import { createClient } from "tidemark/client";
import { memoryStore } from "tidemark/client/memory";
import { type OpenReplica, type Row, until } from "../work.ts";

export const open: OpenReplica = async ({ url, space }: { url: string; space: string }) => {
  let line = new AbortController();
  let settled: readonly Promise<unknown>[] = [];
  const client = createClient({
    url,
    space,
    store: memoryStore(),
    fetch: (input, init) => {
      const signals = init?.signal ? [init.signal, line.signal] : [line.signal];
      return fetch(input, { ...init, signal: AbortSignal.any(signals) });
    },
  });
  const online = () => {
    line = new AbortController();
    return client.sync();
  };
  return {
    copy: () => client.subscribe({ scope: "*" }).ready,
    read: async (id) => ((await client.get("tasks", id)) as Row | null) ?? undefined,
    size: async () => (await client.query({ collection: "tasks" })).length,
    offline: async () => {
      line.abort(new TypeError("offline"));
      await until(() => client.status.state === "offline", 1);
    },
    nothing: online,
    catchUp: online,
    queue: async (rows) => {
      const writes = rows.map((row) => client.mutate((tx) => tx.insert("tasks", row)));
      await Promise.all(writes.map(({ local }) => local));
      settled = writes.map((write) => write.settled);
    },
    push: async () => {
      await online();
      await Promise.all(settled);
    },
    close: () => client.close(),
  };
};
