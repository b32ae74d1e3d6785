import { createClient } from "tidemark/client";
import type { Follow, OpenWriter } from "../live/work.ts";
import type { Row } from "../work.ts";

interface Address {
  readonly url: string;
  readonly space: string;
}

const PREFIX = "tasks/";

export const follow: Follow = async ({ url, space }: Address, _name, told) => {
  const client = createClient({ url, space });
  await client.subscribe({ scope: "*" }).ready;
  client.on("change", ({ keys }) => {
    for (const key of keys ?? []) {
      void client.get("tasks", key.slice(PREFIX.length)).then((row) => {
        const { id, updated } = row as unknown as Row;
        told(id, updated);
      });
    }
  });
};

export const openWriter: OpenWriter = async ({ url, space }: Address) => {
  const client = createClient({ url, space });
  // What it overwrites it has read: else the server's value would stand.
  await client.subscribe({ scope: "*" }).ready;
  return ({ id, title, updated }) => {
    const { local, settled } = client.mutate((tx) => tx.update("tasks", id, { title, updated }));
    settled.catch((error: unknown) => {
      throw error;
    });
    return local;
  };
};
