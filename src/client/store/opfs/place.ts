import type { Clock } from "../../../util/clock.ts";
import type { PackedBatch } from "../block.ts";
import type { SqlDriver } from "../sql/driver.ts";
import { storeFailure } from "../sql/failure.ts";
import { readableNotes } from "../sql/notes.ts";
import { OpenDatabase } from "../sql/open-database.ts";
import { madeReady } from "../sql/tables.ts";
import { StoreError } from "../store.ts";
import { Pool, poolFailure } from "./pool.ts";

/** How long is waited for whoever has the store: a page that is being closed lets it go in a moment. In milliseconds. */
const PATIENCE = 3_000;

interface Found {
  readonly database: OpenDatabase;
  readonly damage: string | null;
}

/** A store's folder in the browser, ours alone until it is closed, with its database. */
export class Place {
  readonly #name: string;
  readonly #pool: Pool;
  readonly #leave: () => void;
  readonly isNew: boolean;
  readonly damage: string | null;
  readonly database: OpenDatabase;

  private constructor(name: string, pool: Pool, leave: () => void, found: Found) {
    this.#name = name;
    this.#pool = pool;
    this.#leave = leave;
    this.isNew = pool.isNew;
    this.damage = found.damage;
    this.database = found.database;
  }

  static async open(name: string, suspect: string | null, clock: Clock): Promise<Place> {
    const leave = await locked(name);
    let pool: Pool | null = null;
    try {
      pool = await Pool.open(folderOf(name), clock).catch((error: unknown) => {
        throw poolFailure(error, name);
      });
      return new Place(name, pool, leave, found(pool, name, suspect));
    } catch (error) {
      pool?.close();
      leave();
      throw error;
    }
  }

  /** Writes a batch; what is not lazy is there for the next start when this resolves. */
  async write(batch: PackedBatch): Promise<void> {
    this.database.write(batch);
    if (!batch.lazy && !(await this.#pool.stands())) throw this.#cleared();
  }

  /** Why something failed: a file that was taken from under us only says that it cannot be written. */
  async explained(error: unknown): Promise<unknown> {
    const unclear = error instanceof StoreError && error.failure === "unavailable";
    return unclear && !(await this.#pool.stands()) ? this.#cleared() : error;
  }

  #cleared(): StoreError {
    return new StoreError("damaged", `${this.#name} is gone from the browser, as when the site's data is cleared`);
  }

  close(): void {
    this.database.close();
    this.#pool.close();
    this.#leave();
  }
}

function folderOf(name: string): string {
  return `tidemark/${encodeURIComponent(name)}.sqlite`;
}

/** Takes the lock on a store, which the browser lets go when the worker dies; gives how to let it go before. */
async function locked(name: string): Promise<() => void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  await new Promise<void>((taken, refused) => {
    const options = { signal: AbortSignal.timeout(PATIENCE) };
    navigator.locks
      .request(`tidemark/opfs/${name}`, options, () => {
        taken();
        return promise;
      })
      .catch(() => {
        const text = `another tab or client has ${name} open: this one may not, as both would give out the same numbers`;
        refused(new StoreError("unavailable", text));
      });
  });
  return resolve;
}

function found(pool: Pool, name: string, suspect: string | null): Found {
  try {
    if (suspect !== null) throw new StoreError("damaged", suspect);
    return { database: opened(pool, name), damage: null };
  } catch (error) {
    const failure = storeFailure(error, name);
    if (!(failure instanceof StoreError) || failure.failure !== "damaged") throw failure;
    return { database: remade(pool, name), damage: failure.message };
  }
}

function opened(pool: Pool, name: string): OpenDatabase {
  const db = pool.database();
  try {
    madeReady(db, name);
    return new OpenDatabase(db, name);
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Takes into a new database what can be read of the damaged one's notes. */
function remade(pool: Pool, name: string): OpenDatabase {
  const notes = readableNotes(() => exclusive(pool));
  pool.remove();
  const database = opened(pool, name);
  database.write({ notes });
  return database;
}

/** A log can be read without shared memory by whoever has the file alone. */
function exclusive(pool: Pool): SqlDriver {
  const db = pool.database();
  db.exec("PRAGMA locking_mode = EXCLUSIVE");
  return db;
}
