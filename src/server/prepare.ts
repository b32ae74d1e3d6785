import { NOTHING_WRITTEN } from "../model/batch.ts";
import { isReserved } from "./identity.ts";
import { logFault } from "./problem.ts";
import { noteScopes, type Parts, rescopeSpace, wantedKeys } from "./rescope.ts";

/** Milliseconds until a store that failed at the start is tried again. */
const RETRY = 5_000;

/**
 * Makes the spaces that the configuration lists, carries out changes of `scopes` (C8), and adopts tables, before anything is
 * answered. Null where the server was told to end before that.
 */
export async function prepare<T>(
  parts: Parts,
  reserved: readonly string[],
  adopt: () => Promise<T>,
): Promise<T | null> {
  const { clock, stopping, log } = parts;
  while (!stopping.aborted) {
    try {
      await createListed(parts, reserved);
      for (const space of await parts.store.spaces()) await rescopeSpace(parts, space);
      return parts.stopping.aborted ? null : await adopt();
    } catch (error) {
      logFault(log, error, { work: "start" });
      await clock.sleep(RETRY, stopping);
    }
  }
  return null;
}

async function createListed({ store, settings, rules }: Parts, reserved: readonly string[]): Promise<void> {
  const listed = [
    ...reserved,
    ...(settings.spaces === "open" ? [] : settings.spaces),
    ...(settings.adopt?.keys() ?? []),
    ...[...settings.links.keys()].filter((space) => !isReserved(space)),
  ];
  if (listed.length === 0) return;
  const there = new Set(await store.spaces());
  for (const space of new Set(listed)) {
    if (there.has(space)) continue;
    await store.write(space, wantedKeys([], true), () => NOTHING_WRITTEN);
    await noteScopes(store, space, rules(space).collections);
  }
}
