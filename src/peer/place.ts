import type { Key, Revision } from "../model/record.ts";

/**
 * How far the local journal has been queued for upstream, and as of which revision of upstream what comes behind that was
 * written: the journal itself is the queue (S2, S5).
 */
export interface Place {
  /** Entries up to here have been queued, or are none of the link's. */
  readonly taken: Revision;
  /** Of an entry with more writes than a mutation may have, those that are queued. */
  readonly part: number;
  /** Entries up to `upto` were written when the mirror stood at `base`; ascending. */
  readonly bases: readonly { readonly upto: Revision; readonly base: Revision }[];
  /** Records of which an outcome came while newer writes were not queued yet: whoever made those had not seen it. */
  readonly floors: { readonly [key: Key]: { readonly upto: Revision; readonly base: Revision } };
}

export const BEGINNING: Place = { taken: 0, part: 0, bases: [], floors: {} };

export function placeOf(text: string | undefined): Place {
  return text === undefined ? BEGINNING : (JSON.parse(text) as Place);
}

/** The mirror moves on from `base`; entries up to `head` were written before. */
export function moved(place: Place, head: Revision, base: Revision): Place {
  const last = place.bases.at(-1)?.upto ?? place.taken;
  return head <= last ? place : { ...place, bases: [...place.bases, { upto: head, base }] };
}

/** Outcomes of writes on these bases came; newer writes to these records wait in the journal up to `head`. */
export function floored(place: Place, head: Revision, settled: ReadonlyMap<Key, Revision>): Place {
  if (head <= place.taken || settled.size === 0) return place;
  const floors = { ...place.floors };
  for (const [key, base] of settled) {
    floors[key] = { upto: head, base: Math.min(base, floors[key]?.base ?? base) };
  }
  return { ...place, floors };
}

/** The base of what an entry writes to a record. */
export function baseAt({ bases, floors }: Place, revision: Revision, key: Key, mirror: Revision): Revision {
  const base = bases.find(({ upto }) => revision <= upto)?.base ?? mirror;
  const floor = floors[key];
  return floor !== undefined && revision <= floor.upto ? Math.min(base, floor.base) : base;
}

/** Entries up to there have been queued. */
export function advanced({ bases, floors }: Place, taken: Revision, part: number): Place {
  return {
    taken,
    part,
    bases: bases.filter(({ upto }) => upto > taken),
    floors: Object.fromEntries(Object.entries(floors).filter(([, { upto }]) => upto > taken)),
  };
}
