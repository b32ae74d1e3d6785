import { logFault } from "./problem.ts";
import { NOTHING, noteScopes, type Parts, rescopeSpace, wantedKeys } from "./rescope.ts";

/** Milliseconds until a store that failed at the start is tried again. */
const RETRY = 5_000;

/** Makes the spaces that the configuration lists, and carries out changes of `scopes` (C8), before anything is answered. */
export async function prepare(parts: Parts): Promise<void> {
  const { clock, stopping, log } = parts;
  while (!stopping.aborted) {
    try {
      await createListed(parts);
      for (const space of await parts.store.spaces()) await rescopeSpace(parts, space);
      return;
    } catch (error) {
      logFault(log, error, { work: "start" });
      await clock.sleep(RETRY, stopping);
    }
  }
}

async function createListed({ store, settings }: Parts): Promise<void> {
  if (settings.spaces === "open") return;
  const there = new Set(await store.spaces());
  for (const space of settings.spaces) {
    if (there.has(space)) continue;
    await store.write(space, wantedKeys([], true), () => NOTHING);
    await noteScopes(store, space, settings.collections);
  }
}
