import type { Filter } from "../model/filter.ts";
import { filterFlaw } from "../model/filter.ts";
import { EMPTY } from "../model/fingerprint.ts";
import { idFlaw, nameFlaw, scopeFlaw, spaceFlaw } from "../model/names.ts";
import { keyOf } from "../model/record.ts";
import type { Collections, RecordOf } from "../model/schema.ts";
import { type Clock, systemClock } from "../util/clock.ts";
import { type Random, systemRandom } from "../util/random.ts";
import type { Transaction } from "./draft.ts";
import { ClientError } from "./errors.ts";
import type { Emitter, Events, Listener } from "./events.ts";
import { Emitter as NewEmitter } from "./events.ts";
import { Local } from "./local.ts";
import { LiveQuery, matching, PreparedQuery, type Query } from "./query.ts";
import { type Mutated, Queue } from "./queue.ts";
import { applied } from "./replica.ts";
import { type Subscription, sameCoverage } from "./state.ts";
import type { Status } from "./status.ts";
import { memoryStore } from "./store/memory.ts";
import { type ClientStore, StoreError } from "./store/store.ts";
import { Sync } from "./sync.ts";
import { type Auth, Transport } from "./transport.ts";
import type { VerifyReport } from "./verify.ts";

export interface ClientOptions<C extends Collections = Collections> {
  /** Of the server, for instance "https://example.org". */
  readonly url: string;
  readonly space: string;
  /** Collections as the server knows them; its version is what C8 compares. Without it any collection can be used. */
  readonly schema?: { readonly version?: number; readonly collections?: C };
  /** Where replica and queue are kept; by default in memory, for as long as the client lives. */
  readonly store?: ClientStore;
  /** A bearer token, or a function that gives the present one. */
  readonly auth?: Auth;
  readonly fetch?: typeof globalThis.fetch;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Seconds that a pull waits for news; 25 by default, at most what the server allows (60). */
  readonly wait?: number;
}

export interface SubscribeOptions {
  readonly scope: string;
  /** The name of the subscription within this client; by default the scope. */
  readonly key?: string;
  readonly collections?: readonly string[];
  readonly where?: Filter;
}

export interface SubscriptionHandle {
  readonly key: string;
  /** Resolves when the replica first holds all of it; at once where a store brought it along. */
  readonly ready: Promise<void>;
  /** Ends it; what only it held goes. */
  unsubscribe(): Promise<void>;
}

/** A replica of parts of a space, and a queue of what is written to it. Reads and writes are local; sync runs beside them. */
export interface Client<C extends Collections = Collections> {
  /** Follows a scope, from now on and over restarts, until it is unsubscribed. */
  subscribe(options: SubscribeOptions): SubscriptionHandle;
  /** The subscriptions of this client, those that its store brought along included. */
  subscriptions(): Promise<readonly SubscriptionHandle[]>;
  get<N extends keyof C & string>(collection: N, id: string): Promise<RecordOf<C[N]> | null>;
  query<N extends keyof C & string>(query: Query<N>): Promise<RecordOf<C[N]>[]>;
  /** Calls the listener with the result, now and after each change of it, until the returned function is called. */
  observe<N extends keyof C & string>(
    query: Query<N>,
    listener: (records: readonly RecordOf<C[N]>[]) => void,
  ): () => void;
  /**
   * Writes: shown at once, sent when it can be. Throws ClientError, with nothing queued, for what is malformed.
   * @example
   * const { local, settled } = client.mutate((tx) => tx.update("tasks", "t1", { done: true }));
   * await local;                       // durable on this device
   * const outcome = await settled;     // "applied", "superseded" or "rejected"
   */
  mutate(write: (tx: Transaction<C>) => void, options?: { readonly whole?: boolean }): Mutated;
  readonly status: Status;
  on<N extends keyof Events>(event: N, listener: Listener<Events[N]>): () => void;
  /** Sends what waits and brings the replica to a revision that the server had after the call. Rejects where it cannot. */
  sync(): Promise<void>;
  /** Compares the replica with the server, and repairs what differs (V). */
  verify(): Promise<VerifyReport>;
  /** Copies everything anew; the queue stays. */
  recover(): Promise<void>;
  /** Stops syncing and closes the store. The queue is kept, for a store that is. */
  close(): Promise<void>;
}

const WAIT = 25;

/**
 * Makes a client. It starts at once; what the store holds can be read, and written to, without a connection.
 *
 * @example
 * const client = createClient({ url: "http://127.0.0.1:4848", space: "acme" });
 * await client.subscribe({ scope: "project/7" }).ready;
 * console.log(await client.query({ collection: "tasks", where: { done: false } }));
 */
export function createClient<const C extends Collections = Collections>(options: ClientOptions<C>): Client<C> {
  return new TidemarkClient(options) as unknown as Client<C>;
}

/** What of a client works once its store is open. */
interface Running {
  readonly local: Local;
  readonly sync: Sync;
}

class TidemarkClient implements Client {
  readonly #options: ClientOptions;
  readonly #events: Emitter = new NewEmitter();
  readonly #queue = new Queue();
  readonly #ready: Promise<Running>;
  #running: Running | null = null;
  #failure: unknown = null;
  #closed = false;

  constructor(options: ClientOptions) {
    const flaw = spaceFlaw(options.space);
    if (flaw !== null) throw new ClientError("invalid", flaw, "space");
    this.#options = options;
    this.#ready = this.#open();
    this.#ready.catch((error: unknown) => {
      this.#failure = error;
      this.#events.emit("status", this.status);
    });
  }

  async #open(): Promise<Running> {
    const {
      url,
      space,
      schema,
      auth,
      store = memoryStore(),
      clock = systemClock,
      random = systemRandom,
      wait = WAIT,
    } = this.#options;
    const fetch = this.#options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    const { local, damage } = await Local.open({
      store,
      clock,
      random,
      space,
      events: this.#events,
      collections: schema?.collections ?? {},
      onSettled: (pending, outcome) => this.#queue.settled(pending, outcome, local),
    });
    const transport = new Transport({ url, space, auth, fetch, clock });
    const sync = new Sync({ local, transport, random, wait, schema: schema?.version });
    this.#running = { local, sync };
    if (damage !== null) this.#events.emit("recovered", { reason: "damaged", message: damage });
    if (!this.#closed) sync.start();
    return this.#running;
  }

  get status(): Status {
    if (this.#running !== null) return this.#running.sync.status;
    const nothing = { revision: 0, asOf: null, pending: 0 };
    if (this.#closed) return { state: "stopped", cause: null, ...nothing };
    if (this.#failure === null) return { state: "connecting", cause: null, ...nothing };
    return {
      state: "failed",
      cause: this.#failure instanceof Error ? this.#failure.message : String(this.#failure),
      ...nothing,
    };
  }

  on<N extends keyof Events>(event: N, listener: Listener<Events[N]>): () => void {
    return this.#events.on(event, listener);
  }

  subscribe(options: SubscribeOptions): SubscriptionHandle {
    const wanted = checkedSubscription(options);
    const added = this.#use(({ local, sync }) => this.#subscribed(local, sync, wanted));
    return this.#handle(wanted.key, added);
  }

  async subscriptions(): Promise<readonly SubscriptionHandle[]> {
    return await this.#use(async ({ local }) =>
      [...local.subscriptions.values()].map(({ key }) => this.#handle(key, Promise.resolve())),
    );
  }

  #handle(key: string, added: Promise<void>): SubscriptionHandle {
    const ready = added.then(() => this.#filled(key));
    ready.catch(() => {});
    return {
      key,
      ready,
      unsubscribe: () => added.then(() => this.#use(({ local, sync }) => unsubscribed(local, sync, key))),
    };
  }

  async #subscribed(local: Local, sync: Sync, wanted: Wanted): Promise<void> {
    await local.gate.exclusive(async () => {
      const known = local.subscriptionOf(wanted.key);
      if (known !== undefined && sameCoverage(known, wanted) && !known.revoked) return;
      if (known !== undefined) {
        // Another filter or scope under the same name: a copy replaces what is held.
        await local.commit({
          unstage: [known.number],
          subscriptions: [{ ...known, ...wanted, cursor: null, staging: null, revoked: false }],
        });
        return;
      }
      const number = local.meta.nextSubscription;
      const subscription = { ...wanted, ...UNFILLED, number };
      await local.commit({ meta: { nextSubscription: number + 1 }, subscriptions: [subscription] });
    });
    if (local.subscriptionOf(wanted.key)?.cursor === null) sync.pullSoon();
  }

  /** Resolves when the subscription is complete; rejects where it is refused or ended. */
  async #filled(key: string): Promise<void> {
    const { local } = await this.#ready;
    await new Promise<void>((resolve, reject) => {
      const offs: (() => void)[] = [];
      const look = () => {
        const now = local.subscriptionOf(key);
        if (now !== undefined && !now.revoked && !this.#closed && (now.cursor === null || now.staging !== null)) return;
        for (const off of offs) off();
        if (now === undefined || this.#closed)
          reject(new ClientError("closed", "the subscription was ended before it was complete"));
        else if (now.revoked) reject(new ClientError("revoked", `this principal may not read ${now.scope}`));
        else resolve();
      };
      offs.push(this.#events.on("status", look), this.#events.on("revoked", look));
      look();
    });
  }

  async get(collection: string, id: string): Promise<never> {
    const flaw = nameFlaw(collection) ?? idFlaw(id);
    if (flaw !== null) throw new ClientError("invalid", flaw);
    const record = await this.#read((local) => local.read(keyOf(collection, id)));
    return (record === null ? null : Object.freeze(record)) as never;
  }

  async query(query: Query): Promise<never[]> {
    const prepared = new PreparedQuery(query);
    const records = await this.#read((local) => matching(local, prepared));
    return records.slice(0, prepared.limit).map((record) => Object.freeze(record)) as never[];
  }

  observe(query: Query, listener: (records: readonly never[]) => void): () => void {
    const prepared = new PreparedQuery(query);
    let live: LiveQuery | null = null;
    let stopped = false;
    const started = this.#use(async ({ local }) => {
      live = new LiveQuery(local, prepared, (records) => {
        if (this.#running?.sync.mayShow) listener(records as readonly never[]);
      });
      if (!stopped) await live.start();
    });
    started.catch(() => {});
    return () => {
      stopped = true;
      live?.stop();
    };
  }

  mutate(write: (tx: Transaction) => void, { whole = false } = {}): Mutated {
    this.#checkOpen();
    const local = this.#ready.then((running) => running.local);
    const mutated = this.#queue.mutate(local, this.#options.schema?.collections, write, whole);
    mutated.local.then(() => this.#running?.sync.pushSoon()).catch(() => {});
    return mutated;
  }

  async sync(): Promise<void> {
    await this.#use(({ sync }) => sync.sync());
  }

  async verify(): Promise<VerifyReport> {
    return await this.#use(({ sync }) => sync.verify());
  }

  async recover(): Promise<void> {
    await this.#use(({ sync }) => sync.recover());
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const running = await this.#ready.catch(() => null);
    if (running === null) return;
    await running.sync.stop();
    // What was being written when the client was closed is still written.
    await running.local.gate.exclusive(() => running.local.store.close());
    this.#queue.close(new ClientError("closed", "the client was closed; the mutation is kept where the store is"));
  }

  /** Reads what the application sees, never half of a change. */
  async #read<T>(read: (local: Local) => Promise<T>): Promise<T> {
    return await this.#use(async ({ local, sync }) => {
      if (!sync.mayShow)
        throw new ClientError("other-principal", sync.status.cause ?? "this store belongs to another principal");
      try {
        return await local.gate.shared(() => read(local));
      } catch (error) {
        if (error instanceof StoreError && error.failure === "damaged") await sync.storeDamaged(error);
        throw error;
      }
    });
  }

  async #use<T>(task: (running: Running) => Promise<T>): Promise<T> {
    this.#checkOpen();
    return await task(await this.#ready);
  }

  #checkOpen(): void {
    if (this.#closed) throw new ClientError("closed", "the client has been closed");
  }
}

type Wanted = Pick<Subscription, "key" | "scope" | "collections" | "where">;

const UNFILLED = { cursor: null, revision: null, staging: null, fingerprint: EMPTY, distrust: false, revoked: false };

function checkedSubscription({ scope, key = scope, collections, where }: SubscribeOptions): Wanted {
  const refuse = (flaw: string | null | undefined, path: string) => {
    if (flaw) throw new ClientError("invalid", flaw, path);
  };
  refuse(scopeFlaw(scope), "scope");
  refuse(idFlaw(key), "key");
  for (const name of collections ?? []) refuse(nameFlaw(name), "collections");
  const flaw = where === undefined ? null : filterFlaw(where);
  refuse(flaw?.reason, `where.${flaw?.path}`);
  return { key, scope, collections: collections ? [...collections] : null, where: where ?? null };
}

/** Takes out what only this subscription held, and forgets it. */
async function unsubscribed(local: Local, sync: Sync, key: string): Promise<void> {
  await local.gate.exclusive(async () => {
    const ended = local.subscriptionOf(key);
    if (ended === undefined) return;
    const others = [...local.subscriptions.values()].filter((each) => each !== ended);
    const { wipe, rows } = await applied(local.store, [...others, ended], [], [ended.number]);
    await local.commit({ unstage: [ended.number], wipe, rows, dropped: [ended.number] });
  });
  sync.pullSoon();
}
