import { createCollection } from "@tanstack/db";
import { onTestFinished } from "vitest";
import type { Client, ClientOptions } from "../../src/client/index.ts";
import type { Config } from "../../src/server/index.ts";
import { tidemarkCollectionOptions } from "../../src/tanstack-db/index.ts";
import { followed, WAYS } from "../client/support.ts";

/** A collection of TanStack DB over a client's items; it is cleaned up when the test ends. */
export async function itemsOf(client: Client, more: { scope?: string; where?: { [atom: string]: string } } = {}) {
  const items = createCollection(tidemarkCollectionOptions({ client, collection: "items", ...more }));
  onTestFinished(() => items.cleanup());
  /** Every state of one record that a view has been shown. */
  const shown = (id: string, atom: string) => {
    const values: unknown[] = [];
    const subscription = items.subscribeChanges(() => {
      const value = items.get(id)?.[atom];
      if (values.at(-1) !== value) values.push(value);
    });
    onTestFinished(() => subscription.unsubscribe());
    return values;
  };
  return Object.assign(items, { shown });
}

/** A server with two items, a client that follows it, a collection over that, and another client's hand. */
export async function collected(options: Partial<ClientOptions> = {}, config: Config = {}) {
  const { server, line, client } = await followed(WAYS[0], options, config);
  await server.write("other", [
    { op: "insert", collection: "items", record: { id: "a", title: "one", note: "old" } },
    { op: "insert", collection: "items", record: { id: "b", title: "two" } },
  ]);
  await client.sync();
  const items = await itemsOf(client);
  await items.preload();
  return { server, line, client, items };
}
