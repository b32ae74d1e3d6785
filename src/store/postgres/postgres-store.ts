import { InvariantError } from "../../util/assert.ts";
import type { Adoption, AdoptionHost, AdoptionPlan } from "../adopt.ts";
import type {
  Batch,
  CutHorizon,
  ErasureOrder,
  Head,
  Loaded,
  Query,
  RestorePolicy,
  Snapshot,
  Store,
  Wanted,
} from "../store.ts";
import { adoptTables } from "./adopt/adopt.ts";
import type { Adopted } from "./adopt/adopted.ts";
import { commit } from "./commit.ts";
import { type Connection, inOrder, type Written } from "./connection.ts";
import { cutSlice, type Sweep } from "./cut.ts";
import { eraseRecords } from "./erase.ts";
import { load, readHashes } from "./load.ts";
import { keepOrder, ordersOf } from "./orders.ts";
import { read } from "./read.ts";
import type { Session } from "./session.ts";
import { createSpace, findHead, lockHead } from "./space.ts";
import type { Listening } from "./wake/listening.ts";

/**
 * Keeps nothing of the database between two calls, so that any number of servers may have one. What is written to a
 * space is written under the lock of its row; it closes the connection with itself.
 */
export class PostgresStore implements Store {
  readonly readonly: boolean;
  readonly #connection: Connection;
  readonly #listening: Listening;
  readonly #sweeps = new Map<string, Sweep>();
  readonly #adopted = new Map<string, Adopted>();

  constructor(connection: Connection, listening: Listening) {
    this.#connection = connection;
    this.readonly = connection.readonly;
    this.#listening = listening;
  }

  async head(space: string): Promise<Head | null> {
    return this.#connection.read((session) => findHead(session, space));
  }

  async spaces(): Promise<readonly string[]> {
    return this.#connection.read(spacesOf);
  }

  async read<const Q extends readonly Query[]>(space: string, queries: Q): Promise<Snapshot<Q> | null> {
    return this.#connection.read((session) => read(session, space, queries));
  }

  async write<B extends Batch>(space: string, wanted: Wanted, decide: (loaded: Loaded) => B): Promise<B | null> {
    const batch = await this.#connection.write(async (session): Promise<Written<B | null>> => {
      const adopted = this.#adopted.get(space);
      const rows = await adopted?.lock(session, wanted.keys);
      const found = await loadOrCreate(session, space, wanted);
      if (found === null) return { result: null, sent: [], kept: async () => true };
      const loaded = adopted && rows ? { ...found, tables: adopted.differences(rows, found) } : found;
      const decided = decide(loaded);
      const sent = commit(session, space, loaded, decided);
      if (decided.erased !== undefined) await inOrder([...sent, eraseRecords(session, space, decided.erased)]);
      // Before the commit goes out: a table may refuse without an error.
      if (adopted && rows) await inOrder(adopted.send(session, rows, decided));
      return { result: decided, sent, kept: (other) => isKept(other, space, decided) };
    });
    if (batch !== null && batch.entries.length > 0) this.#listening.tell(space);
    return batch;
  }

  async cut(space: string, horizon: CutHorizon, slice: number): Promise<{ done: boolean; removed: number }> {
    const sweep = this.#sweeps.get(space) ?? { author: "" };
    this.#sweeps.set(space, sweep);
    const { author, ...cut } = await this.#under(space, async (session, head) => {
      if (head === null) return { done: true, removed: 0, author: "" };
      return cutSlice(session, space, head, horizon, slice, sweep);
    });
    sweep.author = author ?? sweep.author;
    return cut;
  }

  async setRestore(space: string, policy: RestorePolicy): Promise<void> {
    await this.#under(space, async (session, head) => {
      assertThere(space, head);
      await session.query("UPDATE space SET restore = $2 WHERE name = $1", [space, policy]);
    });
  }

  async note(space: string, name: string): Promise<string | null> {
    const [row] = await this.#connection.read((session) =>
      session.query<{ text: string }>("SELECT text FROM note WHERE space = $1 AND name = $2", [space, name]),
    );
    return row?.text ?? null;
  }

  async setNote(space: string, name: string, text: string): Promise<void> {
    await this.#under(space, async (session, head) => {
      assertThere(space, head);
      await session.query(
        `INSERT INTO note (space, name, text) VALUES ($1, $2, $3)
         ON CONFLICT (space, name) DO UPDATE SET text = excluded.text`,
        [space, name, text],
      );
    });
  }

  async adopt(plans: ReadonlyMap<string, AdoptionPlan>, host: AdoptionHost): Promise<Adoption> {
    return adoptTables(this.#connection, this.#listening, this.#adopted, plans, host);
  }

  async order(order: ErasureOrder): Promise<void> {
    await this.#connection.write(async (session) => {
      await keepOrder(session, this.#connection.place.schema, order);
      return { result: null, sent: [], kept: async () => false };
    });
  }

  async orders(): Promise<readonly ErasureOrder[]> {
    return this.#connection.read((session) => ordersOf(session, this.#connection.place.schema));
  }

  /** Its files are PostgreSQL's: VACUUM FULL and the end of its archives are the administrator's. */
  async rewrite(): Promise<void> {}

  watch(listener: (space: string) => void): () => void {
    return this.#listening.watch(listener);
  }

  async size(): Promise<number> {
    const [row] = await this.#connection.read((session) =>
      session.query<{ bytes: string }>(
        `SELECT coalesce(sum(pg_total_relation_size(oid)), 0) AS bytes FROM pg_class
         WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')`,
      ),
    );
    return Number(row?.bytes ?? 0);
  }

  async close(): Promise<void> {
    await this.#listening.close();
    this.#connection.close();
  }

  /** Does under a space's lock what may be done twice: a commit whose answer was lost is simply done again. */
  #under<T>(space: string, work: (session: Session, head: Head | null) => Promise<T>): Promise<T> {
    return this.#connection.write(async (session) => {
      const result = await work(session, await lockHead(session, space));
      return { result, sent: [], kept: async () => false };
    });
  }
}

export async function spacesOf(session: Session): Promise<readonly string[]> {
  const rows = await session.query<{ name: string }>("SELECT name FROM space ORDER BY name");
  return rows.map(({ name }) => name);
}

async function loadOrCreate(session: Session, space: string, wanted: Wanted): Promise<Loaded | null> {
  const loaded = await load(session, space, wanted);
  if (loaded !== null || !wanted.create) return loaded;
  await createSpace(session, space);
  return load(session, space, wanted);
}

/**
 * Whether a batch was committed, by the chain hash of its last revision, which no other batch has. The lock waits for a
 * session that is still at it. A batch without revisions may be decided and written again: it changes no record.
 */
async function isKept(session: Session, space: string, { entries }: Batch): Promise<boolean> {
  const last = entries.at(-1);
  if ((await lockHead(session, space)) === null || last === undefined) return false;
  return (await readHashes(session, space, [last.revision])).get(last.revision) === last.hash;
}

function assertThere(space: string, head: Head | null): void {
  if (head === null) throw new InvariantError(`there is no space ${space}`);
}
