import { compareKeys, type Key } from "../../model/record.ts";

/** Keys in order, brought up to date only when somebody asks. Keys that have gone stay until then. */
export class KeyOrder {
  readonly #isThere: (key: Key) => boolean;
  #sorted: Key[] = [];
  #added: Key[] = [];

  constructor(isThere: (key: Key) => boolean) {
    this.#isThere = isThere;
  }

  add(key: Key): void {
    this.#added.push(key);
  }

  /** The first key at or behind `from`, and all that follow. */
  *from(from: Key | null): Generator<Key, undefined> {
    this.#sort();
    const keys = this.#sorted;
    for (let i = from === null ? 0 : this.#indexOf(from); i < keys.length; i++) yield keys[i] as Key;
  }

  #sort(): void {
    if (this.#added.length === 0) return;
    // A copy arrives in key order, so this sort mostly finds nothing to do.
    const added = this.#added.sort(compareKeys);
    this.#sorted = merged(this.#sorted, added, this.#isThere);
    this.#added = [];
  }

  /** Index of the first key at or after `from`. */
  #indexOf(from: Key): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys(this.#sorted[middle] as Key, from) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Two sorted lists as one, each key once, without those that are no longer there. */
function merged(a: readonly Key[], b: readonly Key[], isThere: (key: Key) => boolean): Key[] {
  const all: Key[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const takeA = j >= b.length || (i < a.length && compareKeys(a[i] as Key, b[j] as Key) <= 0);
    const key = (takeA ? a[i++] : b[j++]) as Key;
    if (key !== all.at(-1) && isThere(key)) all.push(key);
  }
  return all;
}
