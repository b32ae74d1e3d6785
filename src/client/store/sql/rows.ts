import { compareKeys, type Key, keyParts, type RecordData } from "../../../model/record.ts";
import { canonical } from "../../../util/json.ts";
import { textsOfRecords } from "../block.ts";
import { type Block, bothRows, mixedContents, rowIn, rowsIn, take } from "../rows.ts";
import type { Adopted, Content, Row, Span } from "../store.ts";
import { openedBlock, type StoredBlock } from "./blocks.ts";
import type { Found } from "./driver.ts";
import type { Statements } from "./statements.ts";

const ROW = "SELECT key, at, holders, data FROM records";
const BLOCK =
  "SELECT b.first, b.last, b.collection, b.at, b.count, b.holder, t.id, t.text AS content FROM blocks b JOIN texts t ON t.id = b.text";
/** Rows and blocks that are read at a time. */
const PAGE = { rows: 1_000, blocks: 16 };
/** Blocks that are kept open for whoever asks for single records of them. */
const OPEN = 32;

/** A block, and the id of its text. */
interface BlockName extends Span {
  readonly id: number;
}

/** Rows in a database: blocks of a copy, and single rows, each of which stands before the same record in a block. */
export class SqlRows {
  readonly #statements: Statements;
  /** By the ids of their texts, the latest used last. */
  readonly #open = new Map<number, Block>();

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  wipe(): void {
    this.#open.clear();
    this.#statements.run("DELETE FROM records");
    this.#statements.run("DELETE FROM texts WHERE id IN (SELECT text FROM blocks)");
    this.#statements.run("DELETE FROM blocks");
  }

  adopt({ subscription, lines }: Adopted): void {
    const sql = `INSERT INTO blocks (first, last, collection, at, count, holder, text)
      SELECT first, last, collection, at, count, subscription, text FROM staged WHERE subscription = ? AND position < ?`;
    this.#statements.run(sql, [subscription, lines]);
    this.#statements.run("DELETE FROM staged WHERE subscription = ? AND position < ?", [subscription, lines]);
  }

  write(rows: ReadonlyMap<Key, Row | null>): void {
    const gone = new Map<Key, Set<string>>();
    for (const [key, row] of rows) {
      if (row !== null) {
        const values = [key, row.at, row.holders.join(" "), canonical(row.data)];
        this.#statements.run("INSERT OR REPLACE INTO records (key, at, holders, data) VALUES (?, ?, ?, ?)", values);
        continue;
      }
      this.#statements.run("DELETE FROM records WHERE key = ?", [key]);
      const first = this.#blockOf(key)?.first;
      if (first !== undefined) gone.set(first, (gone.get(first) ?? new Set()).add(keyParts(key).id));
    }
    for (const [first, ids] of gone) this.#takeOut(first, ids);
  }

  get(key: Key): Row | undefined {
    const row = this.#statements.all(`${ROW} WHERE key = ?`, [key])[0];
    if (row !== undefined) return this.#row(row);
    const found = this.#blockOf(key);
    return found === undefined ? undefined : rowIn(this.#opened(found), key);
  }

  scan(from: Key | null, to: Key | null, limit: number): Row[] {
    return take(bothRows(this.#singles(from, to, limit), this.#blocked(from, to)), limit);
  }

  isFree(span: Span): boolean {
    const block = this.#latest(span.last);
    return (block === undefined || compareKeys(block.last, span.first) < 0) && !this.#hasSingles(span);
  }

  contents(from: Key | null, to: Key | null): Generator<Content> {
    const parts = {
      blocks: this.#blocksFrom(from, to),
      singles: (first: Key | null, last: Key | null) => this.#singles(first, last, PAGE.rows),
      rows: (found: StoredBlock, first: Key | null, last: Key | null) => {
        return rowsIn(openedBlock(this.#statements, { ...found }), first, last);
      },
      whole: wholeContent,
      mixed: (found: StoredBlock) => this.#hasSingles(found),
    };
    return mixedContents(parts, from, to);
  }

  /** The block whose span a key is in, without its content. */
  #blockOf(key: Key): BlockName | undefined {
    const found = this.#latest(key);
    return found === undefined || compareKeys(found.last, key) < 0 ? undefined : found;
  }

  /** The last block that begins at or before a key. */
  #latest(key: Key): BlockName | undefined {
    const sql = "SELECT first, last, text AS id FROM blocks WHERE first <= ? ORDER BY first DESC LIMIT 1";
    return this.#statements.all(sql, [key])[0] as unknown as BlockName | undefined;
  }

  #hasSingles({ first, last }: Span): boolean {
    return this.#statements.all("SELECT 1 FROM records WHERE key >= ? AND key <= ? LIMIT 1", [first, last]).length > 0;
  }

  #opened({ first, id }: BlockName): Block {
    const known = this.#open.get(id);
    this.#open.delete(id);
    const block = known ?? this.#read(first);
    this.#open.set(id, block);
    if (this.#open.size > OPEN) this.#open.delete(this.#open.keys().next().value as number);
    return block;
  }

  #read(first: Key): Block {
    return openedBlock(this.#statements, this.#statements.all(`${BLOCK} WHERE b.first = ?`, [first])[0] as Found);
  }

  /** Writes a block anew without these records, so that nothing of them is left. */
  #takeOut(first: Key, ids: ReadonlySet<string>): void {
    const { id } = this.#blockOf(first) as { id: number };
    this.#open.delete(id);
    const records = this.#read(first).records.filter((data) => !ids.has(data.id));
    if (records.length === 0) {
      this.#statements.run("DELETE FROM blocks WHERE first = ?", [first]);
      this.#statements.run("DELETE FROM texts WHERE id = ?", [id]);
      return;
    }
    this.#statements.run("UPDATE blocks SET count = ? WHERE first = ?", [records.length, first]);
    this.#statements.run("UPDATE texts SET text = ? WHERE id = ?", [records.map(canonical).join(","), id]);
  }

  *#singles(from: Key | null, to: Key | null, page: number): Generator<Row, undefined> {
    for (let next = from; ; ) {
      const [where, bounds] = rangeOf("key", next, to);
      const rows = this.#statements.all(`${ROW} WHERE ${where} ORDER BY key LIMIT ?`, [...bounds, page]);
      for (const row of rows) yield this.#row(row);
      if (rows.length < page) return;
      next = `${rows.at(-1)?.["key"]}\u0000`;
    }
  }

  *#blocked(from: Key | null, to: Key | null): Generator<Row, undefined> {
    for (const found of this.#blocksFrom(from, to))
      yield* rowsIn(openedBlock(this.#statements, { ...found }), from, to);
  }

  /** Blocks with a key from a key, inclusive, to a key, exclusive, in key order. */
  *#blocksFrom(from: Key | null, to: Key | null): Generator<StoredBlock> {
    for (let next = from === null ? null : (this.#blockOf(from)?.first ?? from); ; ) {
      const [where, bounds] = rangeOf("b.first", next, to);
      const sql = `${BLOCK} WHERE ${where} ORDER BY b.first LIMIT ?`;
      const blocks = this.#statements.all(sql, [...bounds, PAGE.blocks]) as unknown as StoredBlock[];
      yield* blocks;
      if (blocks.length < PAGE.blocks) return;
      next = `${blocks.at(-1)?.first}\u0000`;
    }
  }

  #row({ key, at, holders, data }: Found): Row {
    return {
      key: key as Key,
      at: at as number,
      holders: (holders as string).split(" ").map(Number),
      data: this.#statements.parsed(data, `the record ${key}`) as RecordData,
    };
  }
}

function wholeContent({ collection, holder, first, last, count, content }: StoredBlock): Content[] | null {
  const texts = textsOfRecords(content, count);
  return texts === null ? null : [{ collection, holders: [holder], first, last, texts }];
}

/** As SQL, and the values of its parameters. */
function rangeOf(column: string, from: Key | null, to: Key | null): [string, Key[]] {
  const bounds = [...(from === null ? [] : [`${column} >= ?`]), ...(to === null ? [] : [`${column} < ?`])];
  return [bounds.join(" AND ") || "1", [from, to].filter((key) => key !== null)];
}
