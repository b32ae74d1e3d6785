import { type Key, keyParts } from "../model/record.ts";
import type { Store } from "../store/store.ts";
import { storedLinks } from "./stored.ts";

/** The spaces that a link with `users` fills besides its own: who there is, and their passwords. */
export const SYSTEM = "system";
export const CREDENTIALS = "system-credentials";

/** Whether the users of a link are being removed still, so that it is not known yet whose passwords stay. */
export async function awaitsUsers(store: Store, space: string, link: string): Promise<boolean> {
  if (space !== CREDENTIALS) return false;
  return ((await storedLinks(store, SYSTEM)).get(link)?.removing ?? null) !== null;
}

/** Of these records of a removed link those that stay: the passwords of users who do, as the last administrator does. */
export async function staying(store: Store, space: string, keys: readonly Key[]): Promise<ReadonlySet<Key>> {
  if (space !== CREDENTIALS) return new Set();
  const users = keys.map((key) => ({ kind: "row", collection: "users", id: keyParts(key).id }) as const);
  const answer = await store.read(SYSTEM, users);
  return new Set(keys.filter((_, i) => answer?.results[i]?.text != null));
}
