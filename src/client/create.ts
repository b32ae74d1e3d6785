import type { Collections } from "../model/schema.ts";
import { type Client, type ClientOptions, TidemarkClient } from "./client.ts";
import { surroundings } from "./tabs/surroundings.ts";
import { Tab } from "./tabs/tab.ts";

/**
 * Makes a client. It starts at once; what the store holds can be read, and written to, without a connection. Where tabs of
 * a browser have the store in common, they share one client, and each of them gets a `Client` that behaves as if it had it
 * to itself (C4).
 *
 * @example
 * const client = createClient({ url: "http://127.0.0.1:4848", space: "acme" });
 * await client.subscribe({ scope: "project/7" }).ready;
 * console.log(await client.query({ collection: "tasks", where: { done: false } }));
 */
export function createClient<const C extends Collections = Collections>(options: ClientOptions<C>): Client<C> {
  const shared = options.tabs === false ? undefined : options.store?.shared;
  const around = shared === undefined ? null : surroundings();
  const client =
    shared === undefined || around === null ? new TidemarkClient(options) : new Tab(options, shared, around);
  return client as unknown as Client<C>;
}
