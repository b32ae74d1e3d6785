import { type Batch, NOTHING_WANTED, NOTHING_WRITTEN } from "../model/batch.ts";
import type { Store } from "../store/store.ts";
import { type Random, randomName } from "../util/random.ts";

const NOTE = "identity";

/**
 * The name by which a space is known in paths (S3): made at random when it is first asked for, and kept with the data, so
 * that it survives restarts and moves; null where there is no such space.
 */
export async function identityOf(store: Store, space: string, random: Random): Promise<string | null> {
  const known = await store.note(space, NOTE);
  if (known !== null) return known;
  const fresh = `${space}@${randomName(random)}`;
  const wanted = { ...NOTHING_WANTED, notes: [NOTE] };
  const batch = await store.write(space, wanted, (loaded): Batch & { identity: string } => {
    const identity = loaded.notes?.get(NOTE) ?? fresh;
    return { ...NOTHING_WRITTEN, notes: new Map([[NOTE, identity]]), identity };
  });
  return batch?.identity ?? null;
}
