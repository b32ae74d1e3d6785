import type { Page } from "../source.ts";
import { suppressedOf, suppressionKey } from "../suppressed.ts";
import { nameOf } from "./judge.ts";
import type { Place } from "./place.ts";
import type { RunRow } from "./state.ts";

/** A page without the source records that were erased here (K8). */
export async function withoutSuppressed(place: Place, page: Page): Promise<Page> {
  const names = page.changes.map(nameOf);
  const erased = await suppressedOf(place, place.root, names, await suppressionKey(place));
  if (erased.size === 0) return page;
  return { ...page, changes: page.changes.filter((_, i) => !erased.has(names[i] as string)) };
}

/** What a run tells of them. */
export function suppressedReason({ suppressed }: RunRow): string[] {
  if (suppressed === 0) return [];
  return [
    `${suppressed} of what came was erased here, and was passed over: erase it at the source, or let it in again with tidemark ingest lift COLLECTION/ID`,
  ];
}
