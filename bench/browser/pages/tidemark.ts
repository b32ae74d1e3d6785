import { type Client, createClient } from "tidemark/client";
import { indexedDbStore } from "tidemark/client/indexeddb";

interface Address {
  readonly url: string;
  readonly space: string;
}

let client: Client | undefined;

function opened({ url, space }: Address): Client {
  client ??= createClient({ url, space, store: indexedDbStore({ name: space }) });
  return client;
}

export async function copy(address: Address): Promise<{ readonly checked: Promise<unknown> }> {
  const replica = opened(address);
  const { ready } = replica.subscribe({ scope: "*" });
  const checked = new Promise((resolve) => {
    replica.on("status", ({ state }) => state === "upToDate" && resolve(state));
  });
  await ready;
  return { checked };
}

export async function size(address: Address): Promise<number> {
  return (await opened(address).query({ collection: "tasks" })).length;
}
