import type { Loaded } from "../model/batch.ts";
import { type Key, keyParts, type Revision } from "../model/record.ts";
import type { NotesBetweenQuery } from "../store/store.ts";
import type { EndErasure } from "../wire/lines.ts";
import type { Progress } from "./progress.ts";

/**
 * What a space keeps, beside its records, of an order of erasure that was given to it (K2): a store that is restored to a
 * state from before lacks it, and so carries the order out again. Copies tell of it long after the tombstones are gone.
 */
export interface Erasure {
  readonly collection: string;
  readonly id: string;
  /** The revision by which it travels. */
  readonly revision: Revision;
  /** Scopes that ever held the record, as far as its tombstone knew. */
  readonly scopes: readonly string[];
  /** No value is left here. */
  readonly done: boolean;
}

const ROOT = "erased/";

export const erasureName = (order: string) => `${ROOT}${order}`;

/** All that there are; an order is a few words, and given by hand. */
export const ERASURES: NotesBetweenQuery = {
  kind: "notes-between",
  from: ROOT,
  to: "erased0",
  limit: Number.MAX_SAFE_INTEGER,
};

/** As it is written with the revision that erases the record. */
export function erasureOf(loaded: Loaded, key: Key, batch: { readonly entries: readonly unknown[] }): Erasure {
  const revision = loaded.head.revision + batch.entries.length;
  const scopes = [...(loaded.rows.get(key)?.scopes.keys() ?? [])].filter((scope) => scope !== "*");
  return { ...keyParts(key), revision, scopes, done: false };
}

export function parsedErasure(text: string): Erasure {
  return JSON.parse(text) as Erasure;
}

/** What the end of a copy says of records that were erased: of those that may ever have been in the subscription. */
export function erasuresFor(own: Progress, erasures: readonly Erasure[]): readonly EndErasure[] {
  const { scope, collections } = own.subscription.coverage;
  const readable = own.pattern?.pattern.readable;
  return erasures.flatMap(({ collection, id, revision, scopes }): EndErasure[] => {
    if (collections != null && !collections.includes(collection)) return [];
    const held = scope === "*" || scopes.some((each) => readable?.has(each) ?? each === scope);
    return held ? [[collection, id, revision]] : [];
  });
}
