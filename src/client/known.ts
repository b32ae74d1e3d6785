import type { Past } from "./state.ts";

/** The newest places are all kept: a restored server mostly has lost little. */
const RECENT = 16;

/**
 * A list of past places, newest first, that thins with distance: beyond the newest, one for each doubling of the
 * distance in revisions, so that some fifty places reach back over any history (R2).
 */
export function learn(known: readonly Past[], reached: Past): readonly Past[] {
  if (known[0]?.revision === reached.revision)
    return known[0].cursor === reached.cursor ? known : [reached, ...known.slice(1)];
  const all = [reached, ...known.filter(({ revision }) => revision < reached.revision)];
  const kept = all.slice(0, RECENT);
  const older = new Map<number, Past>();
  // The oldest of each distance stays: the others would come to stand where it is.
  for (const past of all.slice(RECENT)) older.set(Math.floor(Math.log2(reached.revision - past.revision)), past);
  return [...kept, ...older.values()];
}
