import type { RecordData } from "../../../model/record.ts";
import type { Block } from "../rows.ts";
import type { Span } from "../store.ts";
import { type Database, requested } from "./database.ts";

/** A block without its text. All of these are kept in memory: sixteen for each thousand records. */
export interface StoredBlock extends Span {
  readonly collection: string;
  readonly at: number;
  readonly count: number;
  readonly holder: number;
  /** The number of its text. */
  readonly text: number;
}

/** Blocks that are kept open for whoever asks for single records of them. */
const OPEN = 32;

/** Texts of one open database, and blocks that have been opened. */
export class Texts {
  readonly #database: Database;
  /** By the numbers of their texts, the latest used last. */
  readonly #open = new Map<number, Block>();

  constructor(database: Database) {
    this.#database = database;
  }

  async text(tx: IDBTransaction, number: number): Promise<string> {
    const text: unknown = await requested(tx.objectStore("texts").get(number));
    if (typeof text === "string") return text;
    throw this.#database.damaged(`text ${number} is missing`);
  }

  parsed(text: string, what: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      throw this.#database.damaged(`${what} is not JSON`);
    }
  }

  /** A block with its records, kept open for the next who asks. */
  async kept(tx: IDBTransaction, stored: StoredBlock): Promise<Block> {
    const known = this.#open.get(stored.text);
    this.#open.delete(stored.text);
    const block = known ?? (await this.opened(tx, stored));
    this.#open.set(stored.text, block);
    if (this.#open.size > OPEN) this.#open.delete(this.#open.keys().next().value as number);
    return block;
  }

  async opened(tx: IDBTransaction, stored: StoredBlock): Promise<Block> {
    return this.block(stored, await this.text(tx, stored.text));
  }

  block({ first, last, collection, at, holder }: StoredBlock, text: string): Block {
    const records = this.parsed(`[${text}]`, `the block that begins with ${first}`) as RecordData[];
    return { first, last, collection, at, holders: [holder], records };
  }

  forget(): void {
    this.#open.clear();
  }
}

/** Deletes values by their numbers, those that follow each other at once. */
export function deleteNumbers(store: IDBObjectStore, numbers: readonly number[]): void {
  const sorted = numbers.toSorted((a, b) => a - b);
  for (let i = 0; i < sorted.length; i++) {
    const first = sorted[i] as number;
    while (sorted[i + 1] === (sorted[i] as number) + 1) i++;
    store.delete(IDBKeyRange.bound(first, sorted[i]));
  }
}
