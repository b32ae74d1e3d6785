import { type Client, createClient } from "../client/index.ts";
import { memoryStore } from "../client/store/memory.ts";
import type { ClientStore } from "../client/store/store.ts";
import type { Space } from "./api.ts";

/** Where a client keeps its replica: in a file, else in memory. */
export async function openReplica(path: string | undefined): Promise<ClientStore> {
  if (path === undefined) return memoryStore();
  const { sqliteStore } = await import("../client/store/sqlite/index.ts");
  return sqliteStore({ path });
}

export function clientOf({ url, name, token }: Space, store: ClientStore): Client {
  return createClient({ url, space: name, store, ...(token === undefined ? {} : { auth: token }) });
}
