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
  const kept = [reached];
  let last = -1;
  for (const past of known) {
    if (past.revision >= reached.revision) continue;
    const distance = kept.length < RECENT ? -1 : Math.floor(Math.log2(reached.revision - past.revision));
    // The oldest of each distance stays: the others would come to stand where it is.
    if (distance >= 0 && distance === last) kept.pop();
    kept.push(past);
    last = distance;
  }
  return kept;
}
