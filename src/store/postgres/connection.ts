import { backoff } from "../../util/backoff.ts";
import { systemClock } from "../../util/clock.ts";
import { systemRandom } from "../../util/random.ts";
import { StoreError } from "../store.ts";
import { isLoss, isTransient, storeFailure } from "./failure.ts";
import type { Place } from "./place.ts";
import { Pool } from "./pool.ts";
import type { Session } from "./session.ts";
import { FORMAT, formatOf, migrate, quoted } from "./tables.ts";

/** The oldest PostgreSQL that is supported, as `server_version_num` counts. */
const OLDEST = 140_000;

/** How long what may take, in milliseconds. */
export interface Limits {
  /** A transaction that a server leaves open, since it hangs or is cut off, ends after this and frees its lock. */
  readonly idle: number;
  /** More than `idle`, so that whoever waits for the lock gets it. */
  readonly lock: number;
  readonly statement: number;
  /** That a transaction waits for one of the connections when all are busy. */
  readonly busy: number;
}

export const LIMITS: Limits = { idle: 10_000, lock: 15_000, statement: 60_000, busy: 10_000 };

/** Times that a transaction is tried that came to nothing for a reason that passes. */
const TRIES = 4;
const PAUSE = { first: 20, most: 1_000 };
/** How long it is tried to find out whether a commit that was not answered was done, in milliseconds. */
const CERTAIN_MS = 10_000;

/** What `work` leaves to be committed. */
export interface Written<T> {
  readonly result: T;
  /** Statements that have been sent, and whose answers nobody waits for. */
  readonly sent: readonly Promise<unknown>[];
  /** Asked in another session, after the one that was to commit was lost: whether it did. */
  kept(session: Session): Promise<boolean>;
}

/** One database: transactions on lent sessions, and failures in the store's words. */
export class Connection {
  readonly place: Place;
  readonly #pool: Pool;
  readonly readonly: boolean;
  readonly #limits: Limits;
  #settings = "";

  constructor(place: Place, connections: number, readonly: boolean, limits = LIMITS) {
    this.place = place;
    this.#pool = new Pool(place, connections, limits.busy);
    this.readonly = readonly;
    this.#limits = limits;
  }

  /** Looks whether this is a database to work with, and makes the tables where they are missing. */
  async open(): Promise<void> {
    const { schema, text } = this.place;
    await this.#tried(async (session) => {
      const [found] = await session.query<{ version: string; encoding: string; sync: string }>(
        `SELECT current_setting('server_version_num') AS version, current_setting('server_encoding') AS encoding,
           current_setting('synchronous_commit') AS sync`,
      );
      if (Number(found?.version) < OLDEST) {
        throw new StoreError("unavailable", `${text} is older than PostgreSQL 14: update it.`);
      }
      if (found?.encoding !== "UTF8") {
        const cure = "make one with ENCODING 'UTF8' TEMPLATE template0";
        throw new StoreError("unavailable", `${text} is a database in ${found?.encoding}: ${cure}.`);
      }
      if (!this.readonly) await migrate(session, schema);
      else if ((await formatOf(session, schema)) < FORMAT) {
        throw new StoreError("unavailable", `${text} has no tables of this version: start the server on it once.`);
      }
      // A commit is on the disk before it is acknowledged (W8), and where it is asked for also visible on standbys.
      this.#settings = `
        SET LOCAL search_path = ${quoted(schema)};
        SET LOCAL synchronous_commit = ${found?.sync === "remote_apply" ? "remote_apply" : "on"};
        SET LOCAL lock_timeout = ${this.#limits.lock};
        SET LOCAL statement_timeout = ${this.#limits.statement};
        SET LOCAL idle_in_transaction_session_timeout = ${this.#limits.idle}`;
    });
  }

  /** Everything read by `work` stands at one moment. Settings are the transaction's, so that a pooler may stand between. */
  async read<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.#tried((session) => this.#readOnce(session, work));
  }

  /**
   * Everything that `work` sends is committed and durable when this resolves; if it rejects, nothing was written, unless
   * the error says that it is not known. `work` may be called again.
   */
  async write<T>(work: (session: Session) => Promise<Written<T>>): Promise<T> {
    if (this.readonly) throw new StoreError("unavailable", `${this.place.text} is open for reading only.`);
    return this.#tried((session) => this.#writeOnce(session, work));
  }

  close(): void {
    this.#pool.close();
  }

  async #readOnce<T>(session: Session, work: (session: Session) => Promise<T>): Promise<T> {
    const begun = session.query(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${this.#settings}`);
    const result = await ended(session, begun, work);
    // What was read stands, whatever becomes of its end; the next transaction of the session goes out behind it.
    session.commit().catch(() => session.close());
    return result;
  }

  async #writeOnce<T>(session: Session, work: (session: Session) => Promise<Written<T>>): Promise<T> {
    // READ COMMITTED: what is read after the space's lock was taken has all that was committed under it before.
    const begun = session.query(`BEGIN ISOLATION LEVEL READ COMMITTED; ${this.#settings}`);
    const { result, sent, kept } = await ended(session, begun, work);
    try {
      await inOrder([...sent, session.commit()]);
      return result;
    } catch (error) {
      if (!isLoss(error)) throw error;
      if (await this.#resolve(kept)) return result;
      throw new Undone(error);
    }
  }

  /** Whether a commit that was not answered was done. */
  async #resolve(kept: (session: Session) => Promise<boolean>): Promise<boolean> {
    const end = systemClock.now() + CERTAIN_MS;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#lent((session) =>
          ended(session, session.query(`BEGIN ISOLATION LEVEL READ COMMITTED; ${this.#settings}`), async () => {
            const found = await kept(session);
            // Behind the commit that was lost, so that synchronous standbys have both: the lock is in the log, too.
            await session.commit();
            return found;
          }),
        );
      } catch (error) {
        if (systemClock.now() > end) throw this.#unknown(error);
        await pause(attempt);
      }
    }
  }

  #unknown(cause: unknown): StoreError {
    const text = `${this.place.text} was lost while it committed`;
    return new StoreError("unavailable", `${text}, so that it is not known whether this write was kept: ask again.`, {
      cause,
    });
  }

  /** Tries again what certainly came to nothing, for a reason that passes. */
  async #tried<T>(work: (session: Session) => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#lent(work);
      } catch (error) {
        const again = isTransient(error) || isLoss(error) || error instanceof Undone;
        if (!again || attempt === TRIES - 1)
          throw storeFailure(error instanceof Undone ? error.cause : error, this.place.text);
        await pause(attempt);
      }
    }
  }

  async #lent<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const session = await this.#pool.take();
    try {
      return await work(session);
    } finally {
      this.#pool.give(session);
    }
  }
}

/** A commit that was not answered, and was not done. */
class Undone extends Error {
  constructor(cause: unknown) {
    super("the commit was not done", { cause });
  }
}

/** Runs a part of a transaction; where it fails, the transaction is rolled back, or its session closed. */
async function ended<T>(session: Session, begun: Promise<unknown>, work: (session: Session) => Promise<T>): Promise<T> {
  try {
    const working = work(session);
    working.catch(() => undefined);
    await begun;
    return await working;
  } catch (error) {
    await session.query("ROLLBACK").catch(() => session.close());
    throw error;
  }
}

/** Waits for all, and throws what the first of them in order threw: what failed after it failed because of it. */
export async function inOrder<T>(sent: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(sent);
  return settled.map((one) => {
    if (one.status === "rejected") throw one.reason;
    return one.value;
  });
}

function pause(attempt: number): Promise<void> {
  return systemClock.sleep(backoff(attempt, PAUSE, systemRandom));
}
