import { type Pending, SETTLED, type Settled } from "../client/state.ts";
import type { Batch } from "../client/store/store.ts";
import { targetOf, type Write } from "../model/mutation.ts";
import { type Key, keyOf } from "../model/record.ts";

/** The mutations that leave the queue in a batch, with their outcomes; `pending`: those in it, by the names of their notes. */
export function settledIn({ notes = new Map() }: Batch, pending: ReadonlyMap<string, Pending>): Settled[] {
  const gone = [...pending].filter(([name]) => notes.get(name) === null).map(([, each]) => each);
  const kept = new Map(
    [...notes].flatMap(([name, value]) => {
      if (!name.startsWith(SETTLED) || value === null) return [];
      const each = value as unknown as Settled;
      return [[each.seq, each] as const];
    }),
  );
  return gone.map((each) => {
    const outcome = each.outcome ?? { id: each.number, status: "unknown" as const, revision: 0 };
    const { seq, call, number, mutation } = each;
    const told = { seq, ...(call !== undefined && { call }), client: "", number, mutation, outcome, time: 0 };
    return kept.get(seq) ?? told;
  });
}

export function byKey(writes: readonly Write[]): ReadonlyMap<Key, Write[]> {
  const found = new Map<Key, Write[]>();
  for (const write of writes) {
    const key = keyOfWrite(write);
    const known = found.get(key);
    if (known === undefined) found.set(key, [write]);
    else known.push(write);
  }
  return found;
}

/** The record that a write is about. */
export function keyOfWrite(write: Write): Key {
  const { collection, id } = targetOf(write);
  return keyOf(collection, id);
}
