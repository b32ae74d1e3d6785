import { canonical, type Json, type JsonObject } from "../util/json.ts";
import { sha256Hex } from "../util/sha256.ts";

/** Records at one value of which each is remembered; of more, all are given again: what is equal makes no revision. */
const REMEMBERED = 10_000;

/** Where an incremental read stands: a value, and what was seen at it. As a cursor it is plain JSON. */
export interface Mark {
  readonly v: string | number;
  /** By key, a digest of the record seen at `v`; null: too many to say. */
  readonly seen: { readonly [key: string]: string } | null;
}

export interface WatermarkOptions {
  /** The value that only grows: `r => r.updatedAt ?? r.createdAt`. Null: the record is given each time. */
  readonly value: (record: JsonObject) => string | number | null;
  readonly key: (record: JsonObject) => string;
  /** No mark is set later than this: the start of the run less a lag, in the form of the values. Absent: none is. */
  readonly latest?: string | number;
}

/**
 * A watermark (I2): ask the source for `value >= from`, hand each page to `take`, store `mark` with what it gives. Rows that
 * tie at a page's end, come late within the lag, or change twice at one value are not lost.
 *
 * @example
 * const water = watermark(cursor, { value: (r) => r.updatedAt, key: (r) => r.id, latest: start - lag });
 * const fresh = water.take(await ask({ since: water.from }));
 * yield { changes: fresh.map(put), cursor: water.mark };
 */
export function watermark(mark: Mark | null, options: WatermarkOptions): Watermark {
  return new Watermark(mark, options);
}

export class Watermark {
  readonly #options: WatermarkOptions;
  readonly #before: Mark | null;
  #v: string | number | null;
  #seen: Map<string, string> | null;

  constructor(mark: Mark | null, options: WatermarkOptions) {
    this.#options = options;
    this.#before = mark;
    this.#v = mark?.v ?? null;
    this.#seen = mark?.seen === null ? null : new Map(Object.entries(mark?.seen ?? {}));
  }

  /** The value to read from, itself included; null: from the beginning. */
  get from(): string | number | null {
    return this.#before?.v ?? null;
  }

  /** Those of a page that were not seen as they are. Pages may come in any order. */
  take<R extends JsonObject>(records: readonly R[]): R[] {
    return records.filter((record) => this.#isNew(record));
  }

  #isNew(record: JsonObject): boolean {
    const { value, key, latest } = this.#options;
    const v = value(record);
    if (v === null) return true;
    const name = key(record);
    const digest = sha256Hex(canonical(record as Json)).slice(0, 16);
    const isNew = !(this.#before !== null && v === this.#before.v && this.#before.seen?.[name] === digest);
    const capped = latest !== undefined && v > latest ? latest : v;
    if (this.#v === null || capped > this.#v) {
      this.#v = capped;
      this.#seen = new Map();
    }
    // What lies beyond the mark is asked for again, and given again.
    if (v === this.#v && this.#seen !== null) {
      this.#seen.set(name, digest);
      if (this.#seen.size > REMEMBERED) this.#seen = null;
    }
    return isNew;
  }

  get mark(): Mark | null {
    if (this.#v === null) return null;
    return { v: this.#v, seen: this.#seen === null ? null : Object.fromEntries(this.#seen) };
  }
}
