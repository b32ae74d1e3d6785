import type { Refusal } from "../run/judge.ts";
import type { Place } from "../run/place.ts";
import { type Item, type ItemStatus, isUnsettled } from "./item.ts";

export interface ItemContext {
  readonly run: number;
  readonly version: string;
  /** Unix milliseconds. */
  readonly now: number;
}

/** The notes by which an item settles; none where it has. */
export function settledNotes(place: Place, item: Item, status: ItemStatus, now: number): [string, string | null][] {
  if (!isUnsettled(item)) return [];
  const { parent: _, ...rest } = item;
  return [
    [place.itemName(item.number), JSON.stringify({ ...rest, status, lastSeen: now })],
    [place.badName(item.name), null],
    [place.waitsName(item.number), null],
  ];
}

/**
 * The notes by which a refused change is kept. The same again counts up; another version of a source record that is in quarantine already
 * takes the place of the one before, which is superseded.
 *
 * - `number`: of a new item.
 */
export function refusedNotes(
  place: Place,
  refusal: Refusal,
  bad: Item | null,
  number: number,
  { run, version, now }: ItemContext,
): { readonly notes: [string, string | null][]; readonly isNew: boolean } {
  const { incoming, flaws, stage, digest, name, key, seq, parent } = refusal;
  const { change } = incoming;
  const first = flaws[0];
  const what = {
    status: parent === undefined ? ("open" as const) : ("waiting" as const),
    stage,
    code: first?.code ?? "error",
    path: first?.path ?? "",
    message: first?.message ?? "",
    flaws,
    version,
    digest,
    ...(parent !== undefined && { parent }),
    ...(incoming.override !== undefined && { override: incoming.override }),
  };
  const same = incoming.item ?? (bad?.digest === digest && bad.code === what.code ? bad : null);
  if (same !== null && isUnsettled(same)) {
    const { parent: _, ...rest } = same;
    const seen =
      incoming.item === undefined ? { run, seq, lastSeen: now, times: same.times + 1, position: change.position } : {};
    const item: Item = { ...rest, ...what, ...seen };
    return { notes: kept(place, item), isNew: false };
  }
  const item: Item = {
    number,
    key,
    name,
    value: change.op === "put" ? change.value : null,
    ...("raw" in change && change.raw !== undefined && { raw: change.raw }),
    position: change.position,
    at: ("at" in change ? change.at : undefined) ?? null,
    run,
    seq,
    firstSeen: now,
    lastSeen: now,
    times: 1,
    ...what,
  };
  const before = bad === null ? [] : settledNotes(place, bad, "superseded", now);
  return { notes: [...before, ...kept(place, item)], isNew: true };
}

function kept(place: Place, item: Item): [string, string | null][] {
  return [
    [place.itemName(item.number), JSON.stringify(item)],
    [place.badName(item.name), String(item.number)],
    [place.waitsName(item.number), item.parent ?? null],
  ];
}
