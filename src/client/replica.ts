import { EMPTY, type Fingerprint } from "../model/fingerprint.ts";
import { type Key, keyOf, type RecordData, type Revision } from "../model/record.ts";
import type { Json } from "../util/json.ts";
import { digestOfRow, Sum } from "./content.ts";
import type { Subscription } from "./state.ts";
import type { ClientStore, RecordLine, Row } from "./store/store.ts";

/** What an answer brought for one subscription: lines staged by its marks, and those that came after the last. */
export interface Segment {
  readonly subscription: Subscription;
  readonly mode: "copy" | "delta";
  /** Whether the store has staged lines that belong to it. */
  readonly staged: boolean;
  readonly lines: readonly RecordLine[];
}

interface Applied {
  /** The store holds nothing but `rows` afterwards. */
  readonly wipe: boolean;
  readonly rows: Map<Key, Row | null>;
  /** By subscription number; of every subscription, also those that only share records with the ones applied. */
  readonly fingerprints: ReadonlyMap<number, Fingerprint>;
}

/**
 * What the server sent does not fit what is held: a patch of a record that its subscription does not hold, or a delta
 * that goes on from elsewhere. That subscription has to be copied anew (P13).
 */
export class ReplicaDamage extends Error {
  override name = "ReplicaDamage";
  readonly subscription: Subscription;
  constructor(subscription: Subscription, message: string) {
    super(message);
    this.subscription = subscription;
  }
}

const STAGED_LINES = 16;
const SCANNED_ROWS = 1_000;

/**
 * Works out what the base holds after the segments of one answer (P13), and after some subscriptions have ended. It
 * reads the store and changes nothing.
 */
export async function applied(
  store: ClientStore,
  all: readonly Subscription[],
  segments: readonly Segment[],
  ended: readonly number[] = [],
): Promise<Applied> {
  const copied = new Set(segments.filter(({ mode }) => mode === "copy").map(({ subscription }) => subscription.number));
  // Where everything is copied, nothing of what was there remains, so it need not be read.
  const wipe = all.every(({ number }) => copied.has(number) || ended.includes(number));
  const merge = new Merge(wipe ? null : store);
  for (const segment of segments) await merge.segment(segment, store);
  if (!wipe) await merge.endHoldings(segments, ended);
  return { wipe, rows: merge.rows, fingerprints: merge.fingerprints(all, copied, wipe) };
}

class Merge {
  readonly rows = new Map<Key, Row | null>();
  /** The rows as the store has them, of the keys in `rows`. */
  readonly #before = new Map<Key, Row>();
  /** What each copy brought; in a delta what it held stays. */
  readonly #received = new Map<number, Set<Key>>();
  readonly #base: ClientStore | null;

  constructor(base: ClientStore | null) {
    this.#base = base;
  }

  async segment(segment: Segment, store: ClientStore): Promise<void> {
    // Where nothing of the base remains, a copy has brought whatever its subscription holds.
    if (segment.mode === "copy" && this.#base !== null) this.#received.set(segment.subscription.number, new Set());
    for (let skip = 0; segment.staged; skip += STAGED_LINES) {
      const lines = await store.staged(segment.subscription.number, skip, STAGED_LINES);
      for (const line of lines) await this.#line(line, segment.subscription);
      if (lines.length < STAGED_LINES) break;
    }
    for (const line of segment.lines) await this.#line(line, segment.subscription);
  }

  async #line(line: RecordLine, subscription: Subscription): Promise<void> {
    const ids = line.op === "remove" ? line.ids : line.records.map(({ id }) => id);
    const keys = ids.map((id) => keyOf(line.collection, id));
    await this.#load(keys);
    for (const [i, key] of keys.entries()) {
      if (line.op === "put") this.#put(key, line.at, line.records[i] as RecordData, subscription);
      else if (line.op === "patch") this.#patch(key, line.at, line.records[i] as RecordData, subscription);
      else this.#remove(key, subscription.number);
    }
  }

  async #load(keys: readonly Key[]): Promise<void> {
    if (this.#base === null) return;
    const missing = keys.filter((key) => !this.rows.has(key));
    if (missing.length === 0) return;
    const found = await this.#base.get(missing);
    for (const row of found) if (row !== undefined) this.#before.set(row.key, row);
  }

  #now(key: Key): Row | undefined {
    const row = this.rows.get(key);
    return row === undefined ? this.#before.get(key) : (row ?? undefined);
  }

  #put(key: Key, at: Revision, data: RecordData, { number, distrust }: Subscription): void {
    this.#received.get(number)?.add(key);
    const row = this.#now(key);
    if (row === undefined) {
      this.rows.set(key, { key, at, holders: holdersOf(number), data });
      return;
    }
    const holders = withHolder(row.holders, number);
    const trusted = !distrust || this.rows.has(key);
    if (at > row.at || !trusted) this.rows.set(key, { key, at, holders, data });
    else this.rows.set(key, holders === row.holders ? row : { ...row, holders });
  }

  #patch(key: Key, at: Revision, atoms: RecordData, subscription: Subscription): void {
    const row = this.#now(key);
    const received = this.#received.get(subscription.number);
    const held = received === undefined ? row?.holders.includes(subscription.number) : received.has(key);
    if (row === undefined || !held) {
      throw new ReplicaDamage(subscription, `the server changed ${key}, which this replica should hold and does not`);
    }
    if (at > row.at) this.rows.set(key, { ...row, at, data: patched(row.data, atoms) });
  }

  #remove(key: Key, number: number): void {
    this.#received.get(number)?.delete(key);
    const row = this.#now(key);
    if (row?.holders.includes(number)) this.rows.set(key, withoutHolder(row, number));
  }

  /** Takes out what copies did not bring (P7), and what ended subscriptions held. */
  async endHoldings(segments: readonly Segment[], ended: readonly number[]): Promise<void> {
    const copies = segments.filter(({ mode, subscription }) => mode === "copy" && subscription.revision !== null);
    const ending = [...copies.map(({ subscription }) => subscription.number), ...ended];
    if (ending.length === 0 || this.#base === null) return;
    for await (const rows of rowsOf(this.#base, null, null)) {
      for (const row of rows) this.#endHolding(row, ending);
    }
  }

  #endHolding(row: Row, ending: readonly number[]): void {
    if (!ending.some((number) => row.holders.includes(number))) return;
    if (!this.#before.has(row.key)) this.#before.set(row.key, row);
    for (const number of ending) if (!this.#received.get(number)?.has(row.key)) this.#remove(row.key, number);
  }

  fingerprints(all: readonly Subscription[], copied: ReadonlySet<number>, wipe: boolean): Map<number, Fingerprint> {
    const sums = new Map<number, Sum>();
    for (const { number, fingerprint } of all) {
      sums.set(number, new Sum(wipe || copied.has(number) ? EMPTY : fingerprint));
    }
    for (const [key, after] of this.rows) {
      const before = this.#before.get(key);
      const old = before?.holders.filter((number) => !copied.has(number)) ?? [];
      if (before !== undefined && old.length > 0) {
        const digest = digestOfRow(before);
        for (const number of old) sums.get(number)?.subtract(digest);
      }
      if (after !== null) {
        const digest = digestOfRow(after);
        for (const number of after.holders) sums.get(number)?.add(digest);
      }
    }
    return new Map([...sums].map(([number, sum]) => [number, sum.fingerprint()]));
  }
}

/** Rows from a key to a key, in key order, some at a time. */
export async function* rowsOf(store: ClientStore, from: Key | null, to: Key | null): AsyncGenerator<readonly Row[]> {
  let next = from;
  for (;;) {
    const rows = await store.scan(next, to, SCANNED_ROWS);
    yield rows;
    if (rows.length < SCANNED_ROWS) return;
    // The least key behind the last one: no text sorts between a text and the same with U+0000 at its end.
    next = `${(rows.at(-1) as Row).key}\u0000`;
  }
}

function patched(data: RecordData, atoms: RecordData): RecordData {
  const next: { [atom: string]: Json } = { ...data };
  for (const [atom, value] of Object.entries(atoms)) {
    if (value === null) delete next[atom];
    else next[atom] = value;
  }
  return next as RecordData;
}

const SINGLE = new Map<number, readonly number[]>();

/** One list for all records that only this subscription holds: a replica of a million keeps it once. */
function holdersOf(number: number): readonly number[] {
  const known = SINGLE.get(number);
  if (known !== undefined) return known;
  const holders = Object.freeze([number]);
  SINGLE.set(number, holders);
  return holders;
}

function withHolder(holders: readonly number[], number: number): readonly number[] {
  return holders.includes(number) ? holders : [...holders, number].sort((a, b) => a - b);
}

/** The row without a holder; null with the last one. */
export function withoutHolder(row: Row, number: number): Row | null {
  const holders = row.holders.filter((each) => each !== number);
  return holders.length === 0 ? null : { ...row, holders };
}
