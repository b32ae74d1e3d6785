import { canonical, isObject, type Json } from "../util/json.ts";
import { sha256Hex } from "../util/sha256.ts";

/** A value that only grows. Numbers stand before texts. */
export type MarkValue = string | number;

/** Up to where a stream is read. As a cursor it is plain JSON. */
export interface Mark {
  readonly v: MarkValue;
  /** By key, value and digest of the records at or after `v` that were given already; null: too many to say. */
  readonly seen: { readonly [key: string]: readonly [v: MarkValue, digest: string] } | null;
}

export interface WatermarkOptions<R> {
  /** The value that only grows: `r => r.updatedAt ?? r.createdAt`. Null: the record is given each time, and moves no mark. */
  readonly value: (record: R) => MarkValue | null;
  /** Null: it cannot be told from others, and is given each time. */
  readonly key: (record: R) => string | null;
  /** What a record says; its JSON where this is left out. */
  readonly content?: (record: R) => string;
  /** No mark is set later than this: the start of the run less a lag, in the form of the values. Absent: none is. */
  readonly latest?: MarkValue;
}

/** Records that are remembered; of more, all are given again: what is equal makes no revision. */
const REMEMBERED = 10_000;

/**
 * A watermark (I2): ask the source for `value >= from`, hand each page to `take`, store `mark` with what it gives. Rows that
 * tie at a page's end, come late within the lag, or change twice at one value are not lost.
 *
 * @example
 * const water = watermark(cursor, { value: (r) => r.updatedAt, key: (r) => r.id, latest: start - lag });
 * const fresh = water.take(await ask({ since: water.from }));
 * yield { changes: fresh.map(put), cursor: water.mark };
 */
export function watermark<R>(mark: Mark | null, options: WatermarkOptions<R>): Watermark<R> {
  return new Watermark(mark, options);
}

/** What `watermark` gives: what of a reading is new, and the mark from which the next one reads. */
export class Watermark<R> {
  readonly #options: WatermarkOptions<R>;
  #latest: MarkValue | undefined;
  #v: MarkValue | null;
  #seen: Map<string, readonly [MarkValue, string]> | null;

  constructor(mark: Mark | null, options: WatermarkOptions<R>) {
    this.#options = options;
    this.#latest = options.latest;
    this.#v = mark?.v ?? null;
    this.#seen = mark?.seen === null ? null : new Map(Object.entries(mark?.seen ?? {}));
  }

  /** The value to read from, itself included; null: from the beginning. */
  get from(): MarkValue | null {
    return this.#v;
  }

  /** Where the bound is known only when a first answer has come. */
  limit(latest: MarkValue): void {
    this.#latest = latest;
  }

  /** Those of a page that were not given as they are. Pages may come in any order. */
  take(records: readonly R[]): R[] {
    const all = records.map((record) => this.#markOf(record));
    const fresh = records.filter((_, i) => !this.#knows(all[i]));
    let most: MarkValue | null = null;
    for (const one of all) if (one !== null && (most === null || isLater(one.v, most))) most = one.v;
    if (most !== null) this.reach(most);
    for (const one of all) if (one !== null) this.#remember(one);
    return fresh;
  }

  /** All before this value is read. It never goes back, and never beyond the bound. */
  reach(v: MarkValue): void {
    const capped = this.#latest !== undefined && isLater(v, this.#latest) ? this.#latest : v;
    if (this.#v !== null && !isLater(capped, this.#v)) return;
    this.#v = capped;
    const kept = [...(this.#seen ?? [])].filter(([, [at]]) => !isLater(capped, at));
    this.#seen = new Map(kept);
  }

  get mark(): Mark | null {
    if (this.#v === null) return null;
    return { v: this.#v, seen: this.#seen === null ? null : Object.fromEntries(this.#seen) };
  }

  #markOf(record: R): Marked | null {
    const { value, key, content } = this.#options;
    const [v, name] = [value(record), key(record)];
    if (v === null || name === null) return null;
    return { v, name, digest: sha256Hex(content?.(record) ?? canonical(record as Json)).slice(0, 12) };
  }

  #knows(one: Marked | null | undefined): boolean {
    if (one == null) return false;
    const known = this.#seen?.get(one.name);
    return known !== undefined && known[0] === one.v && known[1] === one.digest;
  }

  /** What lies before the mark is not asked for again. */
  #remember({ v, name, digest }: Marked): void {
    if (this.#seen === null || (this.#v !== null && isLater(this.#v, v))) return;
    this.#seen.set(name, [v, digest]);
    if (this.#seen.size > REMEMBERED) this.#seen = null;
  }
}

interface Marked {
  readonly v: MarkValue;
  readonly name: string;
  readonly digest: string;
}

/** A mark that was stored as a part of a cursor; null where there is none. */
export function markOf(value: Json | undefined): Mark | null {
  return isObject(value) && "v" in value ? (value as unknown as Mark) : null;
}

/** Whether the first stands behind the second. */
export function isLater(a: MarkValue, b: MarkValue): boolean {
  if (typeof a !== typeof b) return typeof a === "string";
  return a > b;
}
