import { type Filter, filterFlaw, type Matcher, matcherOf } from "../model/filter.ts";
import { nameFlaw } from "../model/names.ts";
import { type Key, keyParts, type RecordData } from "../model/record.ts";
import { type Json, sameJson } from "../util/json.ts";
import { compareUtf8 } from "../util/utf8.ts";
import { ClientError } from "./errors.ts";
import { call } from "./events.ts";
import type { Local } from "./local.ts";
import { rowsOf } from "./replica.ts";

/** Which records, in which order. */
export interface Query<N extends string = string> {
  readonly collection: N;
  /** As in a subscription (P11). */
  readonly where?: Filter;
  /** An atom, or several; `-atom` for descending. Equal ones, and all without it, are in order of their ids. */
  readonly orderBy?: string | readonly string[];
  readonly limit?: number;
}

/** A query made ready. */
export class PreparedQuery {
  readonly collection: string;
  readonly limit: number;
  readonly #matcher: Matcher;
  readonly #order: readonly { readonly atom: string; readonly sign: 1 | -1 }[];

  constructor({ collection, where = {}, orderBy = [], limit = Number.POSITIVE_INFINITY }: Query) {
    const name = nameFlaw(collection);
    if (name !== null) throw new ClientError("invalid", name, "collection");
    const flaw = filterFlaw(where);
    if (flaw !== null) throw new ClientError("invalid", flaw.reason, `where.${flaw.path}`);
    if (!(limit >= 0)) throw new ClientError("invalid", "a limit is a number, 0 or greater", "limit");
    this.collection = collection;
    this.limit = limit;
    this.#matcher = matcherOf(where);
    this.#order = [orderBy]
      .flat()
      .map((name) => (name.startsWith("-") ? { atom: name.slice(1), sign: -1 } : { atom: name, sign: 1 }));
  }

  matches(record: RecordData): boolean {
    return this.#matcher.matches(record);
  }

  compare(a: RecordData, b: RecordData): number {
    for (const { atom, sign } of this.#order) {
      const order = compareValues(a[atom] ?? null, b[atom] ?? null);
      if (order !== 0) return sign * order;
    }
    return compareUtf8(a.id, b.id);
  }

  /** The keys of the collection, as a range: no key of another one sorts between "tasks/" and "tasks0". */
  get range(): { from: Key; to: Key } {
    return { from: `${this.collection}/`, to: `${this.collection}0` };
  }
}

/** null, then false and true, then numbers, then texts by UTF-8 bytes, then everything else as equal. */
function compareValues(a: Json, b: Json): number {
  const rank = rankOf(a) - rankOf(b);
  if (rank !== 0) return rank;
  if (typeof a === "string" && typeof b === "string") return compareUtf8(a, b);
  return typeof a === "object" ? 0 : Number(a) - Number(b);
}

function rankOf(value: Json): number {
  if (value === null) return 0;
  return { boolean: 1, number: 2, string: 3, object: 4 }[typeof value as "boolean"] ?? 4;
}

/** All records that match, in order, without regard to the limit. The caller holds the gate. */
export async function matching(local: Local, query: PreparedQuery): Promise<RecordData[]> {
  const found: RecordData[] = [];
  const { from, to } = query.range;
  for await (const rows of rowsOf(local.store, from, to)) {
    for (const { key, data } of rows) {
      if (local.view.over(key) === undefined && query.matches(data)) found.push(data);
    }
  }
  for (const key of local.view.touched) {
    const data = local.view.over(key);
    if (data && keyParts(key).collection === query.collection && query.matches(data)) found.push(data);
  }
  return found.sort((a, b) => query.compare(a, b));
}

/** The result of a query, kept up to date with what the application sees. */
export class LiveQuery {
  readonly #local: Local;
  readonly #query: PreparedQuery;
  readonly #listener: (records: readonly RecordData[]) => void;
  #all: RecordData[] = [];
  #off: (() => void) | null = null;
  #closed = false;

  constructor(local: Local, query: PreparedQuery, listener: (records: readonly RecordData[]) => void) {
    this.#local = local;
    this.#query = query;
    this.#listener = listener;
  }

  async start(): Promise<void> {
    await this.#local.gate.shared(async () => {
      this.#all = await matching(this.#local, this.#query);
      if (this.#closed) return;
      this.#off = this.#local.events.on("change", ({ keys }) => this.#changed(keys));
      this.#tell();
    });
  }

  stop(): void {
    this.#closed = true;
    this.#off?.();
  }

  #changed(keys: ReadonlySet<Key> | null): void {
    const { collection } = this.#query;
    if (keys !== null && ![...keys].some((key) => keyParts(key).collection === collection)) return;
    const looking = this.#local.gate
      .shared(async () => {
        if (this.#closed) return;
        const before = this.#all;
        this.#all = keys === null ? await matching(this.#local, this.#query) : await this.#updated(keys);
        if (!sameRecords(before.slice(0, this.#query.limit), this.#all.slice(0, this.#query.limit))) this.#tell();
      })
      .catch(() => {
        // A store that cannot be read is made anew by whoever syncs, and that is a change again.
      });
    this.#local.look(looking);
  }

  /** The result with these records looked at anew. */
  async #updated(keys: ReadonlySet<Key>): Promise<RecordData[]> {
    const query = this.#query;
    const own = [...keys].filter((key) => keyParts(key).collection === query.collection);
    const ids = new Set(own.map((key) => keyParts(key).id));
    const rows = await this.#local.store.get(own);
    const found: RecordData[] = [];
    for (const [i, key] of own.entries()) {
      const over = this.#local.view.over(key);
      const data = over === undefined ? rows[i]?.data : over;
      if (data && query.matches(data)) found.push(data);
    }
    found.sort((a, b) => query.compare(a, b));
    return merged(this.#all, ids, found, query);
  }

  #tell(): void {
    if (!this.#closed) call(this.#listener, this.#all.slice(0, this.#query.limit).map(Object.freeze) as RecordData[]);
  }
}

/** A sorted result without the records of these ids, and with those that were found of them, which are sorted, too. */
function merged(
  all: readonly RecordData[],
  ids: ReadonlySet<string>,
  found: readonly RecordData[],
  query: PreparedQuery,
): RecordData[] {
  const result: RecordData[] = [];
  let next = 0;
  for (const record of all) {
    if (ids.has(record.id)) continue;
    while (next < found.length && query.compare(found[next] as RecordData, record) < 0)
      result.push(found[next++] as RecordData);
    result.push(record);
  }
  return result.concat(found.slice(next));
}

/** Records that did not change are mostly the same objects. */
export function sameRecords(a: readonly RecordData[], b: readonly RecordData[]): boolean {
  return a.length === b.length && a.every((record, i) => record === b[i] || sameJson(record, b[i] as RecordData));
}
