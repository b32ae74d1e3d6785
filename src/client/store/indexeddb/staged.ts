import type { Key } from "../../../model/record.ts";
import { indexOfSpan, piecesOf } from "../block.ts";
import { rowIn } from "../rows.ts";
import type { Adopted, RecordLine, Row, Span, StagedLine } from "../store.ts";
import { deleteNumbers, type StoredBlock, type Texts } from "./blocks.ts";
import type { Database } from "./database.ts";

/** What is staged in one place: a block, which can be adopted, or a line of another kind. */
export interface Staged {
  readonly subscription: number;
  readonly text: number;
  readonly block: StoredBlock | null;
}

/** By subscription, in their order. */
export type AllStaged = ReadonlyMap<number, readonly Staged[]>;

/** Lines that have arrived and are not shown yet. A put in key order is staged as blocks, which can be adopted. */
export class StagedLines {
  readonly #database: Database;
  readonly #texts: Texts;
  #all: AllStaged;
  #nextText: number;

  constructor(database: Database, texts: Texts, staged: readonly Staged[], nextText: number) {
    this.#database = database;
    this.#texts = texts;
    this.#all = Map.groupBy(staged, ({ subscription }) => subscription);
    this.#nextText = nextText;
  }

  get all(): AllStaged {
    return this.#all;
  }

  async lines(subscription: number, skip: number, limit: number): Promise<RecordLine[]> {
    const found = this.#of(subscription).slice(skip, skip + limit);
    return await this.#database.read("texts", async (tx) => {
      const texts = await this.#texts.texts(
        tx,
        found.map(({ text }) => text),
      );
      return found.map(({ block }, i): RecordLine => {
        const text = texts[i] as string;
        if (block === null) return this.#texts.parsed(text, "a staged line") as RecordLine;
        const { collection, at, records } = this.#texts.block(block, text);
        return { op: "put", collection, at, records };
      });
    });
  }

  spans(subscription: number): Span[] {
    const blocks = this.#of(subscription).map(({ block }) => block);
    const end = blocks.indexOf(null);
    const spans = (end < 0 ? blocks : blocks.slice(0, end)) as StoredBlock[];
    return spans.map(({ first, last }) => ({ first, last }));
  }

  /** The rows of these keys as they would be adopted. */
  async rows(adopt: readonly Adopted[], keys: readonly Key[]): Promise<(Row | undefined)[]> {
    return await this.#database.read("texts", async (tx) => {
      const rows = new Map<Key, Row | undefined>();
      for (const adopted of adopt) {
        const blocks = this.blocks(this.#all, adopted);
        for (const key of keys) {
          const block = blocks[indexOfSpan(blocks, key)];
          if (block !== undefined) rows.set(key, rowIn(await this.#texts.kept(tx, block), key) ?? rows.get(key));
        }
      }
      return keys.map((key) => rows.get(key));
    });
  }

  /** The blocks that would be adopted. */
  blocks(all: AllStaged, { subscription, lines }: Adopted): StoredBlock[] {
    return (all.get(subscription) ?? []).slice(0, lines).flatMap(({ block }) => block ?? []);
  }

  add(tx: IDBTransaction, all: AllStaged, subscription: number, lines: readonly StagedLine[]): AllStaged {
    const staged = [...(all.get(subscription) ?? [])];
    for (const { block, content } of lines.flatMap(piecesOf)) {
      const text = this.#nextText++;
      const stored = block === null ? null : { ...block, holder: subscription, text };
      const next: Staged = { subscription, text, block: stored };
      tx.objectStore("texts").put(content, text);
      tx.objectStore("staged").put(next, [subscription, staged.length]);
      staged.push(next);
    }
    return new Map(all).set(subscription, staged);
  }

  /** Takes away what is staged for a subscription, with its texts but for those of the first so many, which were adopted. */
  drop(tx: IDBTransaction, all: AllStaged, subscription: number, adopted = 0): AllStaged {
    const texts = (all.get(subscription) ?? []).slice(adopted).map(({ text }) => text);
    deleteNumbers(tx.objectStore("texts"), texts);
    tx.objectStore("staged").delete(IDBKeyRange.bound([subscription], [subscription, []]));
    const left = new Map(all);
    left.delete(subscription);
    return left;
  }

  /** What was written is there now. */
  replaced(all: AllStaged): void {
    this.#all = all;
  }

  #of(subscription: number): readonly Staged[] {
    return this.#all.get(subscription) ?? [];
  }
}
