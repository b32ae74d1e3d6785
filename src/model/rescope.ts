import type { Batch, Loaded } from "./batch.ts";
import { type Held, heldOf } from "./draft.ts";
import type { SaltedChange } from "./entry.ts";
import { inheritanceOf, parentOf } from "./inherit.ts";
import { namedScopes } from "./lineage.ts";
import { rescoped } from "./membership.ts";
import type { Rules } from "./push.ts";
import { type Key, SERVER } from "./record.ts";
import { type Collection, collectionOf } from "./schema.ts";
import { Rejected, scopesOf } from "./validate.ts";
import { Working } from "./working.ts";

export interface Rescoping extends Batch {
  /** Records that stay where they are, since their collection's `scopes` failed on them. */
  readonly failed: readonly { readonly key: Key; readonly message: string }[];
}

/**
 * Moves records into the scopes that their collections name now (C8), as one transaction of the server itself. The records
 * do not change, only where they are: replicas that follow by cursor see them enter and leave. Nothing is written where
 * all are in place (M2). Records of collections that are not configured stay. Who inherits is put where its parent is, so
 * that parents come before their children, and none is its own ancestor.
 */
export function rescope(
  loaded: Loaded,
  keys: Iterable<Key>,
  rules: Pick<Rules, "collections" | "limits" | "now" | "salt">,
): Rescoping {
  const working = new Working(loaded);
  const revision = loaded.head.revision + 1;
  const changes: SaltedChange[] = [];
  const failed: { key: Key; message: string }[] = [];
  for (const key of keys) {
    const row = loaded.rows.get(key);
    const collection = row === undefined ? null : collectionOf(rules.collections, row.collection);
    if (row === undefined || row.text === null || collection === null) continue;
    const held = heldOf(row);
    try {
      const { parent, scopes } = placeOf(working, collection, held, rules);
      const members = rescoped(row.scopes, scopes, revision);
      if (members === null && parent === row.parent) continue;
      working.putRow({ ...held, parent, scopes: members ?? row.scopes });
      if (members === null) continue;
      changes.push({ change: { collection: row.collection, id: row.id, before: {}, after: {} }, salt: rules.salt() });
    } catch (error) {
      if (!(error instanceof Rejected)) throw error;
      failed.push({ key, message: error.message });
    }
  }
  if (changes.length > 0) working.append(SERVER, 0, rules.now, changes);
  return { ...working.batch(), failed };
}

function placeOf(
  working: Working,
  collection: Collection,
  held: Held,
  { limits }: Pick<Rules, "limits">,
): { parent: Key | null; scopes: ReadonlySet<string> } {
  const { scopes } = collection;
  const data = held.data as NonNullable<Held["data"]>;
  const parent = parentOf(collection, data);
  if (parent !== null) {
    const above = working.row(parent);
    return { parent, scopes: above === null || above.data === null ? new Set() : namedScopes(above) };
  }
  const own = typeof scopes === "object" ? inheritanceOf(collection)?.otherwise : scopes;
  return { parent: null, scopes: scopesOf(held.collection, own, data, limits, "") };
}

/**
 * Sets records that would be their own ancestors apart (C8): they inherit from nobody, and are in no scope, until a write
 * names another parent.
 */
export function setApart(loaded: Loaded, keys: Iterable<Key>, rules: Pick<Rules, "now" | "salt">): Batch {
  const working = new Working(loaded);
  const changes: SaltedChange[] = [];
  for (const key of keys) {
    const held = working.row(key);
    if (held === null || held.data === null) continue;
    const members = rescoped(held.scopes, new Set(), loaded.head.revision + 1);
    if (members === null && held.parent === null) continue;
    working.putRow({ ...held, parent: null, scopes: members ?? held.scopes });
    const { collection, id } = held;
    if (members !== null) changes.push({ change: { collection, id, before: {}, after: {} }, salt: rules.salt() });
  }
  if (changes.length > 0) working.append(SERVER, 0, rules.now, changes);
  return working.batch();
}

/**
 * The order in which records can be put where their parents are: each behind its parent, by what they name as such. Those
 * that are their own ancestors are in no order, but set apart.
 */
export function byDescent(parents: ReadonlyMap<Key, Key | null>): {
  readonly order: readonly Key[];
  readonly apart: ReadonlySet<Key>;
} {
  const order: Key[] = [];
  const apart = new Set<Key>();
  const done = new Set<Key>();
  for (const key of parents.keys()) {
    const line: Key[] = [];
    const here = new Set<Key>();
    let at: Key | null | undefined = key;
    while (at != null && parents.has(at) && !done.has(at) && !here.has(at)) {
      line.push(at);
      here.add(at);
      at = parents.get(at);
    }
    // Back at one of this line: from there to its end is a circle.
    const circle = at != null && here.has(at) ? line.splice(line.indexOf(at)) : [];
    for (const each of circle) {
      apart.add(each);
      done.add(each);
    }
    for (const each of line.reverse()) {
      order.push(each);
      done.add(each);
    }
  }
  return { order, apart };
}
