import { compareKeys, type Key, keyOf, keyParts, type RecordData } from "../../model/record.ts";
import { canonical } from "../../util/json.ts";
import { indexOfSpan, textsOfLine } from "./block.ts";
import { KeyOrder } from "./key-order.ts";
import { after, type Block, bothRows, isBefore, mixedContents, rowIn, rowsIn, TOGETHER, take } from "./rows.ts";
import type { Content, Row, Span } from "./store.ts";

/** The text of a line of a copy is kept beside its records until their content has been read once. */
export interface MemoryBlock extends Block {
  text: string | null;
}

/** Rows in memory: blocks of a copy, and single rows, each of which stands before the same record in a block. */
export class MemoryRows {
  readonly #rows = new Map<Key, Row>();
  readonly #order = new KeyOrder((key) => this.#rows.has(key));
  /** In key order; they do not overlap. */
  #blocks: MemoryBlock[] = [];

  adopt(blocks: readonly MemoryBlock[]): void {
    this.#blocks = [...this.#blocks, ...blocks].sort((a, b) => compareKeys(a.first, b.first));
  }

  write(rows: ReadonlyMap<Key, Row | null>): void {
    const gone = new Map<MemoryBlock, Set<string>>();
    for (const [key, row] of rows) {
      if (row !== null) {
        if (!this.#rows.has(key)) this.#order.add(key);
        this.#rows.set(key, row);
        continue;
      }
      this.#rows.delete(key);
      const block = this.#blockOf(key);
      if (block === undefined) continue;
      const ids = gone.get(block) ?? new Set();
      gone.set(block, ids.add(keyParts(key).id));
    }
    if (gone.size > 0) this.#blocks = this.#blocks.flatMap((block) => without(block, gone.get(block)));
  }

  get(key: Key): Row | undefined {
    const row = this.#rows.get(key);
    if (row !== undefined) return row;
    const block = this.#blockOf(key);
    return block === undefined ? undefined : rowIn(block, key);
  }

  scan(from: Key | null, to: Key | null, limit: number): Row[] {
    return take(bothRows(this.#singles(from, to), this.#blocked(from, to)), limit);
  }

  isFree(span: Span): boolean {
    const block = this.#blocks[indexOfSpan(this.#blocks, span.first)];
    return (block === undefined || compareKeys(block.first, span.last) > 0) && !this.#hasSingles(span);
  }

  contents(from: Key | null, to: Key | null): Generator<Content> {
    const parts = {
      blocks: this.#blocksFrom(from),
      singles: (first: Key | null, last: Key | null) => this.#singles(first, last),
      rows: rowsIn,
      whole: wholeContent,
      mixed: (block: MemoryBlock) => this.#hasSingles(block),
    };
    return mixedContents(parts, from, to);
  }

  #blockOf(key: Key): MemoryBlock | undefined {
    const block = this.#blocks[indexOfSpan(this.#blocks, key)];
    return block !== undefined && compareKeys(block.first, key) <= 0 ? block : undefined;
  }

  *#blocksFrom(from: Key | null): Generator<MemoryBlock> {
    for (let i = from === null ? 0 : indexOfSpan(this.#blocks, from); i < this.#blocks.length; i++) {
      yield this.#blocks[i] as MemoryBlock;
    }
  }

  #hasSingles({ first, last }: Span): boolean {
    return this.#rows.size > 0 && this.#singles(first, after(last)).next().value !== undefined;
  }

  *#singles(from: Key | null, to: Key | null): Generator<Row, undefined> {
    for (const key of this.#order.from(from)) {
      if (!isBefore(key, to)) return;
      const row = this.#rows.get(key);
      if (row !== undefined) yield row;
    }
  }

  *#blocked(from: Key | null, to: Key | null): Generator<Row, undefined> {
    for (const block of this.#blocksFrom(from)) {
      if (!isBefore(block.first, to)) return;
      yield* rowsIn(block, from, to);
    }
  }
}

function without(block: MemoryBlock, ids: ReadonlySet<string> | undefined): MemoryBlock[] {
  if (ids === undefined) return [block];
  const records = block.records.filter(({ id }) => !ids.has(id));
  return records.length === 0 ? [] : [{ ...block, records, text: null }];
}

function* wholeContent(block: MemoryBlock): Generator<Content> {
  const { collection, holders, records, text } = block;
  block.text = null;
  const texts = (text === null ? null : textsOfLine(text, records.length)) ?? records.map(canonical);
  const key = (i: number) => keyOf(collection, (records[i] as RecordData).id);
  for (let i = 0; i < records.length; i += TOGETHER) {
    const end = Math.min(i + TOGETHER, records.length);
    yield { collection, holders, first: key(i), last: key(end - 1), texts: texts.slice(i, end) };
  }
}
