import { compareKeys, type Key, keyParts, type RecordData } from "../../../model/record.ts";
import { canonical } from "../../../util/json.ts";
import { utf8 } from "../../../util/utf8.ts";
import { indexOfSpan, textsOfRecords } from "../block.ts";
import { after, type Block, bothRows, isBefore, mixedContents, rowIn, rowsIn, take } from "../rows.ts";
import type { Content, Row, Span } from "../store.ts";
import { deleteNumbers, type StoredBlock, type Texts } from "./blocks.ts";
import { type Database, requested } from "./database.ts";

/** Rows and blocks that `contents` reads at a time. */
const PAGE = { rows: 1_000, blocks: 16 };
/** Blocks that `scan` opens at a time. */
const AHEAD = 4;

/** Blocks in key order; they do not overlap. */
type Blocks = readonly StoredBlock[];

/** Rows in a database: blocks of a copy, and single rows, each of which stands before the same record in a block. */
export class IndexedDbRows {
  readonly #database: Database;
  readonly #texts: Texts;
  #blocks: Blocks;

  constructor(database: Database, texts: Texts, blocks: Blocks) {
    this.#database = database;
    this.#texts = texts;
    this.#blocks = blocks.toSorted((a, b) => compareKeys(a.first, b.first));
  }

  async get(keys: readonly Key[]): Promise<(Row | undefined)[]> {
    return await this.#database.read(["records", "texts"], async (tx) => {
      const records = tx.objectStore("records");
      const singles = await Promise.all(keys.map((key) => requested<Row | undefined>(records.get(utf8(key)))));
      const missing = keys.filter((_, i) => singles[i] === undefined);
      const stored = new Set(missing.flatMap((key) => blockOf(this.#blocks, key) ?? []));
      const opened = new Map<StoredBlock | undefined, Block>();
      for (const block of stored) opened.set(block, await this.#texts.kept(tx, block));
      return keys.map((key, i) => {
        const block = opened.get(blockOf(this.#blocks, key));
        return singles[i] ?? (block === undefined ? undefined : rowIn(block, key));
      });
    });
  }

  async scan(from: Key | null, to: Key | null, limit: number): Promise<Row[]> {
    if (limit <= 0 || isEmpty(from, to)) return [];
    return await this.#database.read(["records", "texts"], async (tx) => {
      const singles = await singlesIn(tx, from, to, limit);
      const end = singles.length === limit ? after((singles.at(-1) as Row).key) : to;
      const blocked: Row[] = [];
      const blocks = [...within(this.#blocks, from, end)];
      for (let i = 0; i < blocks.length && blocked.length < limit; i += AHEAD) {
        const opened = await Promise.all(blocks.slice(i, i + AHEAD).map((block) => this.#texts.opened(tx, block)));
        for (const block of opened) blocked.push(...rowsIn(block, from, end));
      }
      return take(bothRows(singles.values(), blocked.values()), limit);
    });
  }

  async isFree({ first, last }: Span): Promise<boolean> {
    const block = this.#blocks[indexOfSpan(this.#blocks, first)];
    if (block !== undefined && compareKeys(block.first, last) <= 0) return false;
    return await this.#database.read("records", async (tx) => {
      const found = await requested(tx.objectStore("records").getKey(rangeOf(first, after(last)) as IDBKeyRange));
      return found === undefined;
    });
  }

  /** Some at a time, each as of its moment: whoever reads through all of it holds up no writer. */
  async *contents(from: Key | null, to: Key | null): AsyncGenerator<Content> {
    for (let next = from; !isEmpty(next, to); ) {
      const { contents, end } = await this.#page(next, to);
      yield* contents;
      if (end === to) return;
      next = end;
    }
  }

  async #page(from: Key | null, to: Key | null): Promise<{ contents: Content[]; end: Key | null }> {
    return await this.#database.read(["records", "texts"], async (tx) => {
      const singles = await singlesIn(tx, from, to, PAGE.rows);
      let end = singles.length === PAGE.rows ? after((singles.at(-1) as Row).key) : to;
      const blocks: StoredBlock[] = [];
      for (const block of within(this.#blocks, from, end)) {
        blocks.push(block);
        if (blocks.length < PAGE.blocks) continue;
        if (isBefore(block.last, end)) end = after(block.last);
        break;
      }
      const texts = await Promise.all(blocks.map(({ text }) => this.#texts.text(tx, text)));
      const found = blocks.map((block, i) => ({ ...block, content: texts[i] as string }));
      const singlesFrom = (first: Key | null, last: Key | null) =>
        singles.filter(({ key }) => (first === null || compareKeys(first, key) <= 0) && isBefore(key, last)).values();
      const parts = {
        blocks: found,
        singles: singlesFrom,
        rows: (block: Found, first: Key | null, last: Key | null) =>
          rowsIn(this.#texts.block(block, block.content), first, last),
        whole: wholeContent,
        mixed: ({ first, last }: Found) => !singlesFrom(first, after(last)).next().done,
      };
      return { contents: [...mixedContents(parts, from, end)], end };
    });
  }

  wipe(tx: IDBTransaction): Blocks {
    tx.objectStore("records").clear();
    tx.objectStore("blocks").clear();
    const numbers = this.#blocks.map(({ text }) => text);
    deleteNumbers(tx.objectStore("texts"), numbers);
    return [];
  }

  adopt(tx: IDBTransaction, blocks: Blocks, adopted: Blocks): Blocks {
    const store = tx.objectStore("blocks");
    for (const block of adopted) store.put(block, block.text);
    return [...blocks, ...adopted].sort((a, b) => compareKeys(a.first, b.first));
  }

  /** Writes rows over blocks, and gives the blocks as they are then. */
  async write(tx: IDBTransaction, blocks: Blocks, rows: ReadonlyMap<Key, Row | null>): Promise<Blocks> {
    const records = tx.objectStore("records");
    const gone = new Map<StoredBlock, Set<string>>();
    for (const [key, row] of rows) {
      if (row !== null) {
        records.put(row, utf8(key));
        continue;
      }
      records.delete(utf8(key));
      const block = blockOf(blocks, key);
      if (block !== undefined) gone.set(block, (gone.get(block) ?? new Set()).add(keyParts(key).id));
    }
    if (gone.size === 0) return blocks;
    const left = new Map<StoredBlock, StoredBlock | null>();
    for (const [block, ids] of gone) left.set(block, await this.#takeOut(tx, block, ids));
    return blocks.flatMap((block) => {
      const now = left.get(block);
      return now === undefined ? [block] : now === null ? [] : [now];
    });
  }

  /** What was written is there now. */
  replaced(blocks: Blocks): void {
    if (blocks === this.#blocks) return;
    this.#blocks = blocks;
    this.#texts.forget();
  }

  get blocks(): Blocks {
    return this.#blocks;
  }

  /** Writes a block anew without these records, so that nothing of them is left. Null where none is left. */
  async #takeOut(tx: IDBTransaction, block: StoredBlock, ids: ReadonlySet<string>): Promise<StoredBlock | null> {
    const opened = await this.#texts.opened(tx, block);
    const records: RecordData[] = opened.records.filter(({ id }) => !ids.has(id));
    const texts = tx.objectStore("texts");
    const blocks = tx.objectStore("blocks");
    if (records.length === 0) {
      texts.delete(block.text);
      blocks.delete(block.text);
      return null;
    }
    const now = { ...block, count: records.length };
    texts.put(records.map(canonical).join(","), block.text);
    blocks.put(now, block.text);
    return now;
  }
}

interface Found extends StoredBlock {
  readonly content: string;
}

function wholeContent({ collection, holder, first, last, count, content }: Found): Content[] | null {
  const texts = textsOfRecords(content, count);
  return texts === null ? null : [{ collection, holders: [holder], first, last, texts }];
}

function blockOf(blocks: Blocks, key: Key): StoredBlock | undefined {
  const block = blocks[indexOfSpan(blocks, key)];
  return block !== undefined && compareKeys(block.first, key) <= 0 ? block : undefined;
}

/** Blocks with a key from a key, inclusive, to a key, exclusive. */
function* within(blocks: Blocks, from: Key | null, to: Key | null): Generator<StoredBlock> {
  for (let i = from === null ? 0 : indexOfSpan(blocks, from); i < blocks.length; i++) {
    const block = blocks[i] as StoredBlock;
    if (!isBefore(block.first, to)) return;
    yield block;
  }
}

async function singlesIn(tx: IDBTransaction, from: Key | null, to: Key | null, limit: number): Promise<Row[]> {
  const most = Math.min(limit, 0xffff_ffff);
  return (await requested(tx.objectStore("records").getAll(rangeOf(from, to), most))) as Row[];
}

function rangeOf(from: Key | null, to: Key | null): IDBKeyRange | null {
  if (from === null) return to === null ? null : IDBKeyRange.upperBound(utf8(to), true);
  return to === null ? IDBKeyRange.lowerBound(utf8(from)) : IDBKeyRange.bound(utf8(from), utf8(to), false, true);
}

function isEmpty(from: Key | null, to: Key | null): boolean {
  return from !== null && to !== null && compareKeys(from, to) >= 0;
}
