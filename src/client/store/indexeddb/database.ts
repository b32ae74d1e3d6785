import { StoreError } from "../store.ts";
import { storeFailure } from "./failure.ts";

/** Of the object stores below; the browser runs `upgrade` where it finds an older one. */
const FORMAT = 1;

/**
 * - `notes`: by name.
 * - `records`: single rows, by their key in UTF-8, so that the browser's order is that of the keys.
 * - `texts`: by number; records separated by commas, or a line as it came. Each belongs to one of `blocks` or of `staged`,
 *   and changes hands without being written again.
 * - `blocks`: by the number of their text.
 * - `staged`: by subscription and position.
 * - `owner`: under 0, how often the database has been opened.
 */
const STORES = ["notes", "records", "texts", "blocks", "staged", "owner"] as const;
export type StoreName = (typeof STORES)[number];

/** One open database. Whoever opens it again, in whatever tab, puts out those that had it open before (R3). */
export class Database {
  readonly #name: string;
  readonly #db: IDBDatabase;
  readonly #turn: number;
  /** Whether nothing was there. */
  readonly isNew: boolean;
  /** What was found to be damaged since it was opened. */
  suspect: string | null = null;
  #gone: StoreError | null = null;

  private constructor(name: string, db: IDBDatabase, isNew: boolean, turn: number) {
    this.#name = name;
    this.#db = db;
    this.isNew = isNew;
    this.#turn = turn;
    db.onversionchange = () => {
      db.close();
      this.#gone = new StoreError(
        "unavailable",
        `${name} is being deleted, or opened by a newer version of the application`,
      );
    };
    db.onclose = () => {
      this.damaged(`the browser has closed the database ${name}, as it does when the site's data is cleared`);
    };
  }

  static async open(name: string): Promise<Database> {
    try {
      let isNew = false;
      const request = indexedDB.open(name, FORMAT);
      request.onupgradeneeded = ({ oldVersion }) => {
        isNew = oldVersion === 0;
        upgrade(request.result, oldVersion);
      };
      const db = await requested(request);
      const tx = db.transaction("owner", "readwrite");
      const owner = tx.objectStore("owner");
      const turn = (((await requested(owner.get(0))) as number | undefined) ?? 0) + 1;
      owner.put(turn, 0);
      await finished(tx);
      return new Database(name, db, isNew, turn);
    } catch (error) {
      throw await storeFailure(error, name);
    }
  }

  /** Reads as of one moment. */
  async read<T>(stores: StoreName | readonly StoreName[], work: (tx: IDBTransaction) => Promise<T>): Promise<T> {
    return await this.#within([stores].flat(), "readonly", "default", work);
  }

  /** All of it, or nothing; unless it is lazy, on the disk when it resolves. */
  async write(lazy: boolean, work: (tx: IDBTransaction) => Promise<void>): Promise<void> {
    await this.#within(STORES, "readwrite", lazy ? "relaxed" : "strict", work);
  }

  damaged(what: string): StoreError {
    this.suspect = what;
    this.#gone ??= new StoreError("damaged", what);
    return new StoreError("damaged", what);
  }

  close(): void {
    this.#db.onclose = null;
    this.#db.close();
  }

  async #within<T>(
    stores: readonly StoreName[],
    mode: "readonly" | "readwrite",
    durability: IDBTransactionDurability,
    work: (tx: IDBTransaction) => Promise<T>,
  ): Promise<T> {
    if (this.#gone !== null) throw this.#gone;
    try {
      const tx = this.#db.transaction([...stores, "owner"], mode, { durability });
      const over = finished(tx);
      try {
        const owner = requested(tx.objectStore("owner").get(0));
        const result = await work(tx);
        if ((await owner) !== this.#turn) throw this.#putOut();
        await over;
        return result;
      } catch (error) {
        // Where the transaction failed, its own error says why; the request's may only say that it was aborted.
        over.catch(() => {});
        abort(tx);
        throw tx.error ?? error;
      }
    } catch (error) {
      throw this.#gone ?? (await storeFailure(error, this.#name));
    }
  }

  #putOut(): StoreError {
    const text = `another tab or client has opened ${this.#name}: this one has been put out, as both would give out the same numbers`;
    this.#gone = new StoreError("unavailable", text);
    this.#db.close();
    return this.#gone;
  }
}

function upgrade(db: IDBDatabase, from: number): void {
  if (from < 1) for (const store of STORES) db.createObjectStore(store);
}

/** What a request gives. A failed one has its error; whoever does not wait for it hears of it from the transaction. */
export function requested<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function finished(tx: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    tx.oncomplete = () => resolve();
    tx.onabort = () => reject(tx.error ?? new DOMException("the transaction was given up", "AbortError"));
  });
}

function abort(tx: IDBTransaction): void {
  try {
    tx.abort();
  } catch {
    // It is over already.
  }
}

export async function deleted(name: string): Promise<void> {
  try {
    await requested(indexedDB.deleteDatabase(name));
  } catch (error) {
    throw await storeFailure(error, name);
  }
}
