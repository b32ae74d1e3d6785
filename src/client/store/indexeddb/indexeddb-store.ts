import type { Key } from "../../../model/record.ts";
import type { Json } from "../../../util/json.ts";
import { Care } from "../browser/care.ts";
import {
  type Adopted,
  type Batch,
  type ClientStore,
  type Content,
  type Opened,
  type RecordLine,
  type Row,
  type Span,
  StoreError,
} from "../store.ts";
import { type StoredBlock, Texts } from "./blocks.ts";
import { Database, deleted, requested } from "./database.ts";
import { IndexedDbRows } from "./rows.ts";
import { type Staged, StagedLines } from "./staged.ts";

export interface IndexedDbStoreOptions {
  /** Of the database, within the page's origin. One replica has one: name it after space and user. */
  readonly name: string;
  /** Whether the browser is asked to keep it (`navigator.storage.persist`) when it first holds something; by default it is. */
  readonly persist?: boolean;
}

/**
 * A replica and its queue in an IndexedDB. What `mutate` has made durable survives power loss (`durability` "strict").
 * What a copy brings is kept as it came, in blocks of records that are opened when one of them is read.
 *
 * @example createClient({ url, space, store: indexedDbStore({ name: "acme/ann" }) })
 */
export function indexedDbStore(options: IndexedDbStoreOptions): ClientStore {
  return new IndexedDbStore(options);
}

/** A database that is open, and what stands in it. */
interface Parts {
  readonly database: Database;
  readonly rows: IndexedDbRows;
  readonly staged: StagedLines;
}

class IndexedDbStore implements ClientStore {
  readonly shared: string;
  readonly #name: string;
  readonly #persist: boolean;
  #care: Care;
  #parts: Parts | null = null;
  /** What was found to be damaged while the database was open the last time. */
  #suspect: string | null = null;

  constructor({ name, persist = true }: IndexedDbStoreOptions) {
    this.shared = name;
    this.#name = name;
    this.#persist = persist;
    this.#care = new Care(name, persist);
  }

  async open(): Promise<Opened> {
    const suspect = this.#suspect;
    this.#suspect = null;
    this.#care = new Care(this.#name, this.#persist);
    if (suspect !== null) return await this.#remade(suspect);
    try {
      this.#parts = await openedParts(this.#name);
    } catch (error) {
      if (!(error instanceof StoreError) || error.failure !== "damaged") throw error;
      return await this.#remade(error.message);
    }
    if (!this.#parts.database.isNew || !this.#care.wasUsed) return { damage: null };
    return { damage: `the browser has evicted the database ${this.#name}`, evicted: true };
  }

  async notes(prefix: string, limit?: number): Promise<(readonly [string, Json])[]> {
    // Names are ASCII, so that everything with the prefix sorts before this.
    const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
    return await this.#open.database.read("notes", async (tx) => {
      const notes = tx.objectStore("notes");
      const [names, values] = await Promise.all([
        requested(notes.getAllKeys(range, limit)),
        requested(notes.getAll(range, limit)),
      ]);
      return names.map((name, i) => [name as string, values[i] as Json] as const);
    });
  }

  async get(keys: readonly Key[]): Promise<(Row | undefined)[]> {
    return await this.#open.rows.get(keys);
  }

  async scan(from: Key | null, to: Key | null, limit: number): Promise<Row[]> {
    return await this.#open.rows.scan(from, to, limit);
  }

  async staged(subscription: number, skip: number, limit: number): Promise<RecordLine[]> {
    return await this.#open.staged.lines(subscription, skip, limit);
  }

  async spans(subscription: number): Promise<Span[]> {
    return this.#open.staged.spans(subscription);
  }

  async isFree(span: Span): Promise<boolean> {
    return await this.#open.rows.isFree(span);
  }

  async stagedRows(adopt: readonly Adopted[], keys: readonly Key[]): Promise<(Row | undefined)[]> {
    return await this.#open.staged.rows(adopt, keys);
  }

  async *contents(from: Key | null, to: Key | null): AsyncGenerator<Content> {
    yield* this.#open.rows.contents(from, to);
  }

  async write(batch: Batch): Promise<void> {
    const { database, rows, staged } = this.#open;
    let { all } = staged;
    let { blocks } = rows;
    await database.write(batch.lazy === true, async (tx) => {
      for (const subscription of batch.unstage ?? []) all = staged.drop(tx, all, subscription);
      if (batch.wipe) blocks = rows.wipe(tx);
      for (const { subscription, lines } of batch.stage ?? []) all = staged.add(tx, all, subscription, lines);
      for (const adopted of batch.adopt ?? []) {
        blocks = rows.adopt(tx, blocks, staged.blocks(all, adopted));
        all = staged.drop(tx, all, adopted.subscription, adopted.lines);
      }
      if (batch.rows !== undefined) blocks = await rows.write(tx, blocks, batch.rows);
      const notes = tx.objectStore("notes");
      for (const [name, value] of batch.notes ?? []) {
        if (value === null) notes.delete(name);
        else notes.put(value, name);
      }
    });
    rows.replaced(blocks);
    staged.replaced(all);
    this.#care.written(batch.rows !== undefined || batch.adopt !== undefined);
  }

  async close(): Promise<void> {
    this.#suspect ??= this.#parts?.database.suspect ?? null;
    this.#parts?.database.close();
    this.#parts = null;
  }

  get #open(): Parts {
    if (this.#parts === null) throw new StoreError("unavailable", `${this.#name} is not open`);
    return this.#parts;
  }

  /** Takes into a new database what can be read of the damaged one's notes. */
  async #remade(damage: string): Promise<Opened> {
    await this.close();
    const notes = await readableNotes(this.#name);
    await deleted(this.#name);
    this.#suspect = null;
    this.#parts = await openedParts(this.#name);
    await this.write({ notes });
    return { damage };
  }
}

async function openedParts(name: string): Promise<Parts> {
  const database = await Database.open(name);
  try {
    return await database.read(["blocks", "staged", "texts"], async (tx) => {
      const [blocks, staged, last] = await Promise.all([
        requested<StoredBlock[]>(tx.objectStore("blocks").getAll()),
        requested<Staged[]>(tx.objectStore("staged").getAll()),
        requested(tx.objectStore("texts").openKeyCursor(null, "prev")),
      ]);
      const texts = new Texts(database);
      const nextText = ((last?.key as number | undefined) ?? 0) + 1;
      return {
        database,
        rows: new IndexedDbRows(database, texts, blocks),
        staged: new StagedLines(database, texts, staged, nextText),
      };
    });
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Every note that can still be read. */
async function readableNotes(name: string): Promise<Map<string, Json>> {
  const notes = new Map<string, Json>();
  try {
    const database = await Database.open(name);
    try {
      const names = await database.read("notes", async (tx) => await requested(tx.objectStore("notes").getAllKeys()));
      for (const each of names) {
        const value = await database
          .read("notes", async (tx) => await requested(tx.objectStore("notes").get(each)))
          .catch(() => undefined);
        if (value !== undefined) notes.set(each as string, value as Json);
      }
    } finally {
      database.close();
    }
  } catch {
    // It cannot even be opened, or its names cannot be read: nothing is left.
  }
  return notes;
}
