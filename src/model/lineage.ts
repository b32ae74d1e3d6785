import { sameJson } from "../util/json.ts";
import type { Family } from "./batch.ts";
import type { Draft, Held } from "./draft.ts";
import { heredityOf, inheritanceOf, parentOf } from "./inherit.ts";
import { presentIn } from "./membership.ts";
import { ALL } from "./names.ts";
import type { Rules } from "./push.ts";
import { atomOf, type Key, keyOf } from "./record.ts";
import type { Collection } from "./schema.ts";
import { Rejected, scopesOf } from "./validate.ts";
import type { Working } from "./working.ts";

/** A record that a mutation changes, and what decides where it belongs afterwards. */
export interface Placed {
  readonly draft: Draft;
  /** Whom it inherits from; null: nobody. */
  readonly parent: Key | null;
  /** Whether it has another parent than before. */
  readonly adopted: boolean;
  /** Its scopes where they are its own; null: it inherits them, or is deleted. */
  readonly own: ReadonlySet<string> | null;
}

const NONE: ReadonlySet<string> = new Set();

/** Where a record that a mutation leaves behind belongs, by itself or by its parent (M5, M8). */
export function placedOf(draft: Draft, collection: Collection, { limits }: Rules): Placed {
  const { data, held } = draft;
  if (data === null) return { draft, parent: null, adopted: false, own: null };
  const { collection: name, path } = draft;
  const rule = inheritanceOf(collection);
  const named = parentOf(collection, data);
  const before = held?.data ?? null;
  if (rule !== null && before !== null && named !== null && !draft.remade) {
    const kept = sameJson(atomOf(before, rule.atom), atomOf(data, rule.atom));
    // A parent that would have closed a circle when the scopes were changed is not followed (C8).
    if (kept && held?.parent === null) return { draft, parent: null, adopted: false, own: namedScopes(held) };
    if (kept) return { draft, parent: named, adopted: false, own: null };
  }
  if (named !== null) return { draft, parent: named, adopted: true, own: null };
  const scopes = rule === null ? (collection.scopes as Exclude<Collection["scopes"], object>) : rule.otherwise;
  return { draft, parent: null, adopted: false, own: scopesOf(name, scopes, data, limits, path) };
}

/** The scopes that hold a record, without `*`. */
export function namedScopes(held: Held): Set<string> {
  const scopes = presentIn(held.scopes);
  scopes.delete(ALL);
  return scopes;
}

/**
 * What a mutation does to the scopes of records: those that it changes, and their descendants, which move with their parent
 * and are not asked for permission themselves (M8).
 */
export class Lineage {
  readonly #working: Working;
  readonly #rules: Rules;
  readonly #placed: ReadonlyMap<Key, Placed>;
  readonly #after = new Map<Key, ReadonlySet<string> | null>();

  constructor(working: Working, placed: readonly Placed[], rules: Rules) {
    this.#working = working;
    this.#rules = rules;
    this.#placed = new Map(placed.map((each) => [keyOf(each.draft.collection, each.draft.id), each]));
    for (const [key, { draft, own }] of this.#placed)
      if (own !== null || draft.data === null) this.#after.set(key, own);
    for (const [key, { adopted }] of this.#placed) if (adopted) this.#checkCircle(key);
  }

  /** The scopes of a record after the mutation, without `*`; null: it is not there. */
  scopesOf(key: Key): ReadonlySet<string> | null {
    const line: Key[] = [];
    for (let at: Key | null = key; at !== null && !this.#after.has(at); ) {
      line.push(at);
      const parent: Key | null = this.#parentOf(at);
      const known = parent !== null && (this.#placed.has(parent) || this.#working.row(parent) !== null);
      if (!known) this.#after.set(at, this.#ownOf(at));
      at = parent;
    }
    for (const each of line.reverse()) {
      if (this.#after.has(each)) continue;
      this.#after.set(each, this.#after.get(this.#parentOf(each) as Key) ?? NONE);
    }
    return this.#after.get(key) ?? null;
  }

  /**
   * The scopes of a record whose parent there is not, or was not loaded. Each parent that a mutation names has been, so that
   * one who is new to it has none; all others are where their parent is.
   */
  #ownOf(key: Key): ReadonlySet<string> | null {
    return this.#placed.get(key)?.adopted ? NONE : this.#present(key);
  }

  /** The records of which the mutation has to know all descendants. */
  families(): Key[] {
    const { parents, circular } = heredityOf(this.#rules.collections);
    return [...this.#placed].flatMap(([key, { draft, adopted }]) => {
      if (!parents.has(draft.collection)) return [];
      return this.#moves(key) || (adopted && circular.has(draft.collection)) ? [key] : [];
    });
  }

  /** How many descendants of records are too many to move at once, where they have been loaded; null: they are not. */
  tooMany(families: readonly Key[], most: number): number | null {
    const distinct = new Set<Key>();
    const counts = families.map((key) => {
      const found = new Set(this.#working.childrenOf(key));
      for (const each of found) {
        if (found.size >= 10 * most) break;
        for (const child of this.#working.childrenOf(each)) found.add(child);
      }
      for (const each of found) distinct.add(each);
      return Math.min(found.size, 10 * most);
    });
    return tooMany(counts, distinct.size, most);
  }

  /** The descendants that move along, with their scopes after the mutation. */
  moving(): Map<Key, ReadonlySet<string>> {
    const moving = new Map<Key, ReadonlySet<string>>();
    const queue = [...this.#placed.keys()].filter((key) => this.#moves(key));
    for (const key of queue) {
      for (const child of this.#working.childrenOf(key)) {
        if (this.#placed.has(child) || !this.#moves(child)) continue;
        moving.set(child, this.scopesOf(child) ?? NONE);
        queue.push(child);
      }
    }
    return moving;
  }

  #moves(key: Key): boolean {
    const before = this.#present(key);
    const after = this.scopesOf(key);
    if (before === null || after === null) return before !== after;
    return before.size !== after.size || [...after].some((scope) => !before.has(scope));
  }

  #present(key: Key): ReadonlySet<string> | null {
    const held = this.#working.row(key);
    return held === null || held.data === null ? null : namedScopes(held);
  }

  #parentOf(key: Key): Key | null {
    const placed = this.#placed.get(key);
    return placed === undefined ? (this.#working.row(key)?.parent ?? null) : placed.parent;
  }

  /** A record that got another parent is not its own ancestor. */
  #checkCircle(key: Key): void {
    const { draft } = this.#placed.get(key) as Placed;
    if (!heredityOf(this.#rules.collections).circular.has(draft.collection)) return;
    const seen = new Set<Key>();
    for (let at = this.#parentOf(key); at !== null && !seen.has(at); at = this.#parentOf(at)) {
      if (at === key) {
        const { atom } = inheritanceOf(this.#rules.collections[draft.collection] as Collection) as { atom: string };
        const detail = `${atom} makes the record its own ancestor, whose scopes it would inherit: choose another parent`;
        throw new Rejected("circular", detail, `${draft.path}.record.${atom}`);
      }
      seen.add(at);
    }
  }
}

/**
 * How many descendants are too many to move at once, by what was counted of families that were not all loaded; null: it has to
 * be decided again, with these families alone.
 */
export function tooManyOf(families: ReadonlyMap<Key, Family>, needed: readonly Key[], most: number): number | null {
  const alone = needed.length === families.size && needed.every((key) => families.has(key));
  const counts = needed.map((key) => families.get(key)?.count ?? 0);
  return tooMany(counts, alone ? Number.POSITIVE_INFINITY : 0, most);
}

/** The number to tell: of the largest family, or, where only all together are too many, of all. */
function tooMany(counts: readonly number[], distinct: number, most: number): number | null {
  const largest = Math.max(0, ...counts);
  if (largest > most) return largest;
  return distinct > most ? counts.reduce((sum, count) => sum + count, 0) : null;
}
