import type { Store } from "../../store/store.ts";
import { ERASURES } from "../erasures.ts";

interface Looking {
  readonly store: Store;
  /** Spaces of which there is something to clear. */
  holds(space: string): boolean;
  clear(space: string): void;
  failed(error: unknown): void;
}

/**
 * Where other servers write to the database too, looks after each commit whether they have erased something (K2): what
 * this one keeps of the space in memory then goes. What it is told while it looks it looks at once more.
 *
 * @returns what ends it.
 */
export function clearErasedElsewhere({ store, holds, clear, failed }: Looking): () => void {
  if (store.exclusive === true) return () => {};
  const known = new Map<string, number>();
  const looking = new Map<string, { again: boolean }>();
  const look = async (space: string): Promise<void> => {
    const answer = await store.read(space, [ERASURES]);
    const count = answer?.results[0].length ?? 0;
    if ((known.get(space) ?? 0) === count) return;
    known.set(space, count);
    clear(space);
  };
  const looked = async (space: string): Promise<void> => {
    const state = { again: true };
    looking.set(space, state);
    while (state.again) {
      state.again = false;
      await look(space).catch(failed);
    }
    looking.delete(space);
  };
  return store.watch((space) => {
    const state = looking.get(space);
    if (state !== undefined) state.again = true;
    else if (holds(space)) void looked(space);
  });
}
