import { NOTHING_WANTED, NOTHING_WRITTEN } from "../../model/batch.ts";
import type { Json, JsonObject } from "../../util/json.ts";
import type { Cleaned } from "../declare.ts";
import type { Incoming } from "../run/judge.ts";
import type { Place } from "../run/place.ts";
import type { SourceChange } from "../source.ts";
import { type Item, type ItemStatus, isUnsettled, type Override } from "./item.ts";
import { settledNotes } from "./notes.ts";

/** Items that are read at a time. */
const STEP = 500;

/** Which items are meant; all that are given must hold. */
export interface ItemFilter {
  /** By default those that are not settled. */
  readonly status?: ItemStatus | "unsettled" | "all";
  readonly code?: string;
  /** The atom. */
  readonly path?: string;
  readonly numbers?: readonly number[];
  /** Only those with a greater number. */
  readonly after?: number;
}

/** The items of a stream, the oldest first. */
export async function* itemsOf(place: Place, filter: ItemFilter = {}): AsyncGenerator<Item> {
  const { status = "unsettled", code, path, numbers, after = 0 } = filter;
  const fits = (item: Item) =>
    (status === "all" || (status === "unsettled" ? isUnsettled(item) : item.status === status)) &&
    (code === undefined || item.code === code) &&
    (path === undefined || item.path === path);
  if (numbers !== undefined) {
    const notes = await place.notes(numbers.map((number) => place.itemName(number)));
    for (const text of notes.values()) {
      const item = JSON.parse(text) as Item;
      if (fits(item)) yield item;
    }
    return;
  }
  const prefix = `${place.root}item/`;
  for (let from = place.itemName(after + 1); ; ) {
    const notes = await place.notesFrom(prefix, from, STEP);
    for (const [, text] of notes) {
      const item = JSON.parse(text) as Item;
      if (fits(item)) yield item;
    }
    const last = notes.at(-1);
    if (last === undefined || notes.length < STEP) return;
    from = `${last[0]}\u0001`;
  }
}

/** An item as a change that comes in once more; null: it could not be read, and nobody has said what it is. */
export function incomingOf(item: Item, { stream }: Cleaned, values: JsonObject | null = null): Incoming | null {
  const override: { [field: string]: Override[string] } = { ...item.override };
  for (const [field, now] of Object.entries(values ?? {})) {
    override[field] = { was: valueIn(item.value, field), now };
  }
  const isFixed = Object.keys(override).length > 0;
  if (item.value === null && !isFixed) return null;
  const value = item.value ?? Object.fromEntries(Object.entries(override).map(([field, { now }]) => [field, now]));
  const key = item.key ?? stream.key.map((field) => textOf(valueIn(value, field)));
  const { position, at, raw } = item;
  const change: SourceChange = {
    op: "put",
    key,
    value,
    position,
    ...(at !== null && { at }),
    ...(raw !== undefined && { raw }),
  };
  return { change, item, ...(isFixed && { override }) };
}

function valueIn(value: JsonObject | null, field: string): Json {
  return value !== null && Object.hasOwn(value, field) ? (value[field] as Json) : null;
}

function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Sets items aside for good: they are kept, and not tried again. Only the holder of the lease may. */
export async function discarded(place: Place, items: readonly Item[]): Promise<void> {
  const { now } = place.parts.rules();
  const notes = new Map(items.flatMap((item) => settledNotes(place, item, "discarded", now)));
  await place.write(NOTHING_WANTED, () => ({ ...NOTHING_WRITTEN, notes }));
}

/** Items that wait for a parent that has come. */
export async function freed(place: Place): Promise<Item[]> {
  const found: Item[] = [];
  const prefix = `${place.root}waits/`;
  for (let from = prefix; ; ) {
    const notes = await place.notesFrom(prefix, from, STEP);
    const there = await place.records([...new Set(notes.map(([, parent]) => parent))]);
    const numbers = notes.filter(([, parent]) => there.has(parent)).map(([name]) => Number(name.slice(prefix.length)));
    for await (const item of itemsOf(place, { status: "waiting", numbers })) found.push(item);
    const last = notes.at(-1);
    if (last === undefined || notes.length < STEP) return found;
    from = `${last[0]}\u0001`;
  }
}
