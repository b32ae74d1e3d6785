import { nameOfKey } from "../names.ts";
import type { Page, SourceChange, SourceKey } from "../source.ts";
import type { Place } from "./place.ts";

const SLICE = 1000;

/**
 * A page with the deletions that follow from what it replaces: what is held under the beginning of a key, and is not in it.
 * A key that is too long for a name is kept under a digest, and is not found here.
 */
export async function withReplaced(place: Place, page: Page): Promise<Page> {
  const { replaces = [], changes } = page;
  if (replaces.length === 0) return page;
  const shown = new Set(changes.flatMap((change) => (change.op === "broken" ? [] : [nameOfKey(change.key)])));
  const gone: SourceChange[] = [];
  for (const beginning of replaces) {
    for await (const name of heldUnder(place, beginning)) {
      if (shown.has(name)) continue;
      const key = JSON.parse(name) as string[];
      gone.push({ op: "delete", key, position: `replaced: ${beginning.join(", ")}` });
    }
  }
  return { ...page, changes: [...changes, ...gone] };
}

/** The names of source records whose keys, of several parts, begin so. */
async function* heldUnder(place: Place, beginning: SourceKey): AsyncGenerator<string> {
  const prefix = place.seenName(`${JSON.stringify(beginning).slice(0, -1)},`);
  for (let from = prefix; ; ) {
    const notes = await place.notesFrom(prefix, from, SLICE);
    for (const [name] of notes) yield name.slice(place.seenName("").length);
    const last = notes.at(-1);
    if (last === undefined || notes.length < SLICE) return;
    from = `${last[0]}\u0001`;
  }
}
