import { type Client, type ClientOptions, createClient } from "tidemark/client";

interface Address {
  readonly url: string;
  readonly space: string;
}

/** What a page of Tidemark offers, with whichever store. */
export function pageWith(store: (name: string) => NonNullable<ClientOptions["store"]>) {
  let client: Client | undefined;

  function opened({ url, space }: Address): Client {
    client ??= createClient({ url, space, store: store(space) });
    return client;
  }

  async function copy(address: Address): Promise<{ readonly checked: Promise<unknown> }> {
    const replica = opened(address);
    const { ready } = replica.subscribe({ scope: "*" });
    const checked = new Promise((resolve) => {
      replica.on("status", ({ state }) => state === "upToDate" && resolve(state));
    });
    await ready;
    return { checked };
  }

  async function size(address: Address): Promise<number> {
    return (await opened(address).query({ collection: "tasks" })).length;
  }

  /** Resolves when the record is durable in the store that the tabs share. */
  async function write(address: Address, id: string): Promise<void> {
    await opened(address).mutate((tx) => tx.insert("tasks", { id, title: id })).local;
  }

  return { copy, size, write };
}
