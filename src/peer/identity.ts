import { type Batch, NOTHING_WANTED, NOTHING_WRITTEN } from "../model/batch.ts";
import type { Store } from "../store/store.ts";
import { type Random, randomName } from "../util/random.ts";

/** The note that holds it. */
export const IDENTITY = "identity";

/**
 * The name by which a space is known in paths (S3): made at random when it is first asked for, and kept with the data, so
 * that it survives restarts and moves; null where there is no such space.
 */
export async function identityOf(store: Store, space: string, random: Random): Promise<string | null> {
  const known = await store.note(space, IDENTITY);
  if (known !== null) return known;
  const fresh = newIdentity(space, random);
  const wanted = { ...NOTHING_WANTED, notes: [IDENTITY] };
  const batch = await store.write(space, wanted, (loaded): Batch & { identity: string } => {
    const identity = loaded.notes?.get(IDENTITY) ?? fresh;
    return { ...NOTHING_WRITTEN, notes: new Map([[IDENTITY, identity]]), identity };
  });
  return batch?.identity ?? null;
}

/** For a space that has none, or that is not there yet. */
export function newIdentity(space: string, random: Random): string {
  return `${space}@${randomName(random)}`;
}
