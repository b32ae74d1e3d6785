import { compareKeys, type Key, keyOf, keyParts, type RecordData, type Revision } from "../../model/record.ts";
import { canonical } from "../../util/json.ts";
import { compareUtf8 } from "../../util/utf8.ts";
import type { Content, Row, Span } from "./store.ts";

/** Records of a copy that are kept together, in order of their ids: no row and no entry of an index for each of them. */
export interface Block extends Span {
  readonly collection: string;
  readonly at: Revision;
  readonly holders: readonly number[];
  readonly records: readonly RecordData[];
}

/** The row of a key in a block, if it holds it. */
export function rowIn(block: Block, key: Key): Row | undefined {
  const data = block.records[indexOfId(block.records, keyParts(key).id)];
  return data === undefined ? undefined : { key, at: block.at, holders: block.holders, data };
}

/** A block's rows from a key, inclusive, to a key, exclusive; null: open. */
export function* rowsIn(
  { collection, at, holders, records }: Block,
  from: Key | null,
  to: Key | null,
): Generator<Row, undefined> {
  for (const data of records) {
    const key = keyOf(collection, data.id);
    if (from !== null && compareKeys(key, from) < 0) continue;
    if (!isBefore(key, to)) return;
    yield { key, at, holders, data };
  }
}

export function isBefore(key: Key, to: Key | null): boolean {
  return to === null || compareKeys(key, to) < 0;
}

/** Whether a whole span lies from a key, inclusive, to a key, exclusive; null: open. */
export function isWithin({ first, last }: Span, from: Key | null, to: Key | null): boolean {
  return (from === null || compareKeys(from, first) <= 0) && isBefore(last, to);
}

/** Where the record with this id stands in a list in order of ids; -1 where it is not in it. */
function indexOfId(records: readonly RecordData[], id: string): number {
  let low = 0;
  let high = records.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const order = compareUtf8((records[middle] as RecordData).id, id);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** Records of a block or a content: so few that to open it for one of them costs little, so many that a replica has few. */
export const TOGETHER = 64;

interface Open extends Content {
  last: Key;
  readonly texts: string[];
}

/** What rows in key order hold; rows that follow each other together, where the same subscriptions hold them. */
export function* contentsOf(rows: Iterable<Row>): Generator<Content> {
  let open: Open | null = null;
  for (const { key, holders, data } of rows) {
    const { collection } = keyParts(key);
    if (open !== null && !fits(open, collection, holders)) {
      yield open;
      open = null;
    }
    open ??= { collection, holders, first: key, last: key, texts: [] };
    open.last = key;
    open.texts.push(canonical(data));
  }
  if (open !== null) yield open;
}

/** Two lists of rows in key order as one. Where both have a key, the first list's row counts. */
export function* bothRows(
  first: Iterator<Row, undefined>,
  second: Iterator<Row, undefined>,
): Generator<Row, undefined> {
  let a = first.next().value;
  let b = second.next().value;
  while (a !== undefined || b !== undefined) {
    const order = a === undefined ? 1 : b === undefined ? -1 : compareKeys(a.key, b.key);
    yield (order <= 0 ? a : b) as Row;
    if (order <= 0) a = first.next().value;
    if (order >= 0) b = second.next().value;
  }
}

/** As many of them as are wanted. */
export function take(rows: Iterable<Row>, limit: number): Row[] {
  const found: Row[] = [];
  if (limit <= 0) return found;
  for (const row of rows) {
    found.push(row);
    if (found.length >= limit) break;
  }
  return found;
}

/** Content of a store: its single rows and its blocks, each of which is told whole where no single row stands in it. */
export function* mixedContents<B extends Span>(
  parts: {
    /** In key order. */
    readonly blocks: Iterable<B>;
    singles(from: Key | null, to: Key | null): Iterator<Row, undefined> & Iterable<Row>;
    /** A block's rows in a range. */
    rows(block: B, from: Key | null, to: Key | null): Iterator<Row, undefined>;
    /** A block's content unopened; null where it has to be opened. */
    whole(block: B): Iterable<Content> | null;
    /** Whether a single row stands in a block's span. */
    mixed(block: B): boolean;
  },
  from: Key | null,
  to: Key | null,
): Generator<Content> {
  let next = from;
  for (const block of parts.blocks) {
    if (!isBefore(block.first, to)) break;
    if (next === null || compareKeys(next, block.first) < 0) yield* contentsOf(parts.singles(next, block.first));
    const whole = isWithin(block, from, to) && !parts.mixed(block) ? parts.whole(block) : null;
    const end = after(block.last);
    if (whole !== null) yield* whole;
    else {
      const start = next !== null && compareKeys(next, block.first) > 0 ? next : block.first;
      const stop = to !== null && compareKeys(to, end) < 0 ? to : end;
      yield* contentsOf(bothRows(parts.singles(start, stop), parts.rows(block, start, stop)));
    }
    next = end;
  }
  if (next === null || isBefore(next, to)) yield* contentsOf(parts.singles(next, to));
}

/** The least key behind this one: no text sorts between a text and the same with U+0000 at its end. */
export function after(key: Key): Key {
  return `${key}\u0000`;
}

function fits(open: Open, collection: string, holders: readonly number[]): boolean {
  return open.collection === collection && sameHolders(open.holders, holders) && open.texts.length < TOGETHER;
}

function sameHolders(a: readonly number[], b: readonly number[]): boolean {
  return a === b || (a.length === b.length && a.every((number, i) => number === b[i]));
}
