import { EMPTY, type Fingerprint, type Lanes } from "../model/fingerprint.ts";
import { type Origins, patchedOrigins } from "../model/origin.ts";
import { compareKeys, type Key, keyOf, type RecordData, type Revision } from "../model/record.ts";
import type { Json } from "../util/json.ts";
import { originsAt } from "../wire/authors.ts";
import type { PatchLine, PutLine, RemoveLine } from "../wire/lines.ts";
import { digestOfRow, Sum } from "./content.ts";
import type { Subscription } from "./state.ts";
import { after } from "./store/rows.ts";
import type { Adopted, ClientStore, RecordLine, Row, Span } from "./store/store.ts";

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
  /** Staged lines that become rows as they are, before `rows`. */
  readonly adopt: readonly Adopted[];
  readonly rows: Map<Key, Row | null>;
  /** Records that the server has erased (K2); undefined: none. */
  readonly erased: readonly Key[] | undefined;
  /** Of rows that go, who took them out on the server, as far as it said. */
  readonly ends: ReadonlyMap<Key, Origins>;
  /** By subscription number, null where it has to be counted; of every subscription, also those that only share records with the ones applied. */
  readonly fingerprints: ReadonlyMap<number, Fingerprint | null>;
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
  const adopt = await adoptable(store, segments, wipe);
  const merge = new Merge(store, wipe, adopt);
  for (const segment of segments) await merge.segment(segment);
  if (!wipe) await merge.endHoldings(segments, ended);
  const erased = merge.erased.size > 0 ? [...merge.erased] : undefined;
  return { wipe, adopt, rows: merge.rows, ends: merge.ends, erased, fingerprints: merge.fingerprints(all, copied) };
}

class Merge {
  readonly rows = new Map<Key, Row | null>();
  readonly erased = new Set<Key>();
  readonly ends = new Map<Key, Origins>();
  /** The rows as the store has them, of the keys in `rows`. */
  readonly #before = new Map<Key, Row>();
  /** What each copy brought that replaces what was held; in a delta what it held stays. */
  readonly #received = new Map<number, Set<Key>>();
  readonly #store: ClientStore;
  readonly #wipe: boolean;
  readonly #adopt: readonly Adopted[];

  constructor(store: ClientStore, wipe: boolean, adopt: readonly Adopted[]) {
    this.#store = store;
    this.#wipe = wipe;
    this.#adopt = adopt;
  }

  async segment(segment: Segment): Promise<void> {
    const { number } = segment.subscription;
    const adopted = this.#adopt.find(({ subscription }) => subscription === number)?.lines ?? 0;
    // Where nothing of the base remains, or was there, a copy has brought whatever its subscription holds.
    if (segment.mode === "copy" && !this.#wipe && adopted === 0) this.#received.set(number, new Set());
    for (let skip = adopted; segment.staged; skip += STAGED_LINES) {
      const lines = await this.#store.staged(number, skip, STAGED_LINES);
      await this.#lines(lines, segment.subscription);
      if (lines.length < STAGED_LINES) break;
    }
    await this.#lines(segment.lines, segment.subscription);
  }

  async #lines(lines: readonly RecordLine[], subscription: Subscription): Promise<void> {
    await this.#load(lines.flatMap(keysOf));
    for (const line of lines) {
      if (line.op === "remove") {
        this.#removes(line, subscription);
        if (line.erased) for (const key of keysOf(line)) this.erased.add(key);
      } else for (const [i, data] of line.records.entries()) this.#record(line, i, data, subscription);
    }
  }

  #record(line: PutLine | PatchLine, place: number, data: RecordData, subscription: Subscription): void {
    const { op, collection, at } = line;
    const key = keyOf(collection, data.id);
    const origins = originsAt(line, place);
    if (op === "put") this.#put({ key, at, data, ...(origins && { origins }) }, subscription);
    else this.#patch(key, at, data, origins, subscription);
  }

  #removes(line: RemoveLine, { number }: Subscription): void {
    for (const [i, key] of keysOf(line).entries()) {
      this.#remove(key, number);
      const origins = originsAt(line, i);
      if (origins !== undefined) this.ends.set(key, origins);
    }
  }

  async #load(keys: readonly Key[]): Promise<void> {
    const missing = keys.filter((key) => !this.rows.has(key));
    if (missing.length === 0) return;
    const held = this.#wipe ? [] : await this.#store.get(missing);
    const adopted = this.#adopt.length === 0 ? [] : await this.#store.stagedRows(this.#adopt, missing);
    for (const row of [...held, ...adopted]) if (row !== undefined) this.#before.set(row.key, row);
  }

  #now(key: Key): Row | undefined {
    const row = this.rows.get(key);
    return row === undefined ? this.#before.get(key) : (row ?? undefined);
  }

  #put(fresh: Omit<Row, "holders">, { number, distrust }: Subscription): void {
    const { key, at } = fresh;
    this.#received.get(number)?.add(key);
    const row = this.#now(key);
    if (row === undefined) {
      this.rows.set(key, { ...fresh, holders: holdersOf(number) });
      return;
    }
    const holders = withHolder(row.holders, number);
    const trusted = !distrust || this.rows.has(key);
    if (at > row.at || !trusted) this.rows.set(key, { ...fresh, holders });
    else this.rows.set(key, holders === row.holders ? row : { ...row, holders });
  }

  #patch(key: Key, at: Revision, atoms: RecordData, later: Origins | undefined, subscription: Subscription): void {
    const row = this.#now(key);
    const received = this.#received.get(subscription.number);
    const held = received === undefined ? row?.holders.includes(subscription.number) : received.has(key);
    if (row === undefined || !held) {
      throw new ReplicaDamage(subscription, `the server changed ${key}, which this replica should hold and does not`);
    }
    if (at <= row.at) return;
    const { origins: earlier, ...rest } = row;
    const origins =
      earlier === undefined && later === undefined ? undefined : patchedOrigins(earlier, later, row.data, atoms);
    this.rows.set(key, { ...rest, at, data: patched(row.data, atoms), ...(origins && { origins }) });
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
    if (ending.length === 0) return;
    for await (const rows of rowsOf(this.#store, null, null)) {
      for (const row of rows) this.#endHolding(row, ending);
    }
  }

  #endHolding(row: Row, ending: readonly number[]): void {
    if (!ending.some((number) => row.holders.includes(number))) return;
    if (!this.#before.has(row.key)) this.#before.set(row.key, row);
    for (const number of ending) if (!this.#received.get(number)?.has(row.key)) this.#remove(row.key, number);
  }

  fingerprints(all: readonly Subscription[], copied: ReadonlySet<number>): Map<number, Fingerprint | null> {
    const sums = new Map<number, Sum>();
    for (const { number, fingerprint } of all) {
      const kept = this.#wipe || copied.has(number) ? EMPTY : fingerprint;
      const adopted = this.#adopt.some(({ subscription }) => subscription === number);
      if (kept !== null && !adopted) sums.set(number, new Sum(kept));
    }
    for (const [key, after] of this.rows) {
      const before = this.#before.get(key);
      // The sum of what was copied anew begins with nothing.
      const old = before?.holders.filter((number) => !copied.has(number)) ?? [];
      if (before !== undefined) add(sums, old, before, "subtract");
      if (after !== null) add(sums, after.holders, after, "add");
    }
    const fingerprints = new Map<number, Fingerprint | null>();
    for (const { number } of all) fingerprints.set(number, sums.get(number)?.fingerprint() ?? null);
    return fingerprints;
  }
}

/** Adds the digest of a row to the sums of those that hold it, or subtracts it. */
function add(sums: ReadonlyMap<number, Sum>, holders: readonly number[], row: Row, how: "add" | "subtract"): void {
  let digest: Lanes | null = null;
  for (const number of holders) {
    const sum = sums.get(number);
    if (sum === undefined) continue;
    digest ??= digestOfRow(row);
    sum[how](digest);
  }
}

/**
 * The staged lines that can become rows as they are, unread: puts in key order, of copies, in spans in which nothing else
 * stands. What of these copies came after them, such as the closing delta, is applied to them.
 */
async function adoptable(store: ClientStore, segments: readonly Segment[], wipe: boolean): Promise<Adopted[]> {
  const adopt: Adopted[] = [];
  let taken: Span[] = [];
  for (const { subscription, mode, staged } of segments) {
    if (mode !== "copy" || !staged || (!wipe && subscription.revision !== null)) continue;
    const spans = await store.spans(subscription.number);
    const all = [...taken, ...spans].sort((a, b) => compareKeys(a.first, b.first));
    if (spans.length === 0 || overlap(spans) || overlap(all)) continue;
    if (!wipe && !(await areFree(store, spans))) continue;
    adopt.push({ subscription: subscription.number, lines: spans.length });
    taken = all;
  }
  return adopt;
}

/** Whether a span begins before the one in front of it has ended. */
function overlap(spans: readonly Span[]): boolean {
  return spans.some(({ first }, i) => i > 0 && compareKeys((spans[i - 1] as Span).last, first) >= 0);
}

async function areFree(store: ClientStore, spans: readonly Span[]): Promise<boolean> {
  for (const span of spans) if (!(await store.isFree(span))) return false;
  return true;
}

/** Rows from a key to a key, in key order, some at a time. */
export async function* rowsOf(store: ClientStore, from: Key | null, to: Key | null): AsyncGenerator<readonly Row[]> {
  let next = from;
  for (;;) {
    const rows = await store.scan(next, to, SCANNED_ROWS);
    yield rows;
    if (rows.length < SCANNED_ROWS) return;
    next = after((rows.at(-1) as Row).key);
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

function keysOf(line: RecordLine): Key[] {
  const ids = line.op === "remove" ? line.ids : line.records.map(({ id }) => id);
  return ids.map((id) => keyOf(line.collection, id));
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
