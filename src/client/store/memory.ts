import { compareKeys, type Key } from "../../model/record.ts";
import type { Json } from "../../util/json.ts";
import { compareUtf8 } from "../../util/utf8.ts";
import type { Batch, ClientStore, RecordLine, Row } from "./store.ts";

/** A store that lives as long as its object does; what a client uses where it is given none. */
export function memoryStore(): ClientStore {
  const notes = new Map<string, Json>();
  const staged = new Map<number, RecordLine[]>();
  let rows = new Map<Key, Row>();
  let order = new KeyOrder();

  function write(batch: Batch): void {
    for (const subscription of batch.unstage ?? []) staged.delete(subscription);
    if (batch.wipe) {
      rows = new Map();
      order = new KeyOrder();
    }
    for (const [key, row] of batch.rows ?? []) {
      if (row === null) rows.delete(key);
      else {
        if (batch.wipe || !rows.has(key)) order.add(key);
        rows.set(key, row);
      }
    }
    for (const { subscription, lines } of batch.stage ?? []) {
      const kept = staged.get(subscription) ?? [];
      for (const { line } of lines) kept.push(line);
      staged.set(subscription, kept);
    }
    for (const [name, value] of batch.notes ?? []) {
      if (value === null) notes.delete(name);
      else notes.set(name, value);
    }
  }

  return {
    open: async () => ({ damage: null }),
    async notes(prefix, limit = Number.POSITIVE_INFINITY) {
      const found = [...notes].filter(([name]) => name.startsWith(prefix));
      found.sort(([a], [b]) => compareUtf8(a, b));
      return found.slice(0, limit);
    },
    get: async (keys) => keys.map((key) => rows.get(key)),
    async scan(from, to, limit) {
      const found: Row[] = [];
      const keys = order.sorted((key) => rows.has(key));
      for (let i = order.indexOf(from); i < keys.length && found.length < limit; i++) {
        const key = keys[i] as Key;
        if (to !== null && compareKeys(key, to) >= 0) break;
        const row = rows.get(key);
        if (row !== undefined) found.push(row);
      }
      return found;
    },
    staged: async (subscription, skip, limit) => (staged.get(subscription) ?? []).slice(skip, skip + limit),
    write: async (batch) => write(batch),
    close: async () => {},
  };
}

/** Keys in order, brought up to date only when somebody scans. Keys that have gone stay until then. */
class KeyOrder {
  #sorted: Key[] = [];
  #added: Key[] = [];

  add(key: Key): void {
    this.#added.push(key);
  }

  sorted(isThere: (key: Key) => boolean): readonly Key[] {
    if (this.#added.length === 0) return this.#sorted;
    // A copy arrives in key order, so this sort mostly finds nothing to do.
    const added = this.#added.sort(compareKeys);
    this.#sorted = merged(this.#sorted, added, isThere);
    this.#added = [];
    return this.#sorted;
  }

  /** Index of the first key at or after `from`. */
  indexOf(from: Key | null): number {
    if (from === null) return 0;
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
