import { idFlaw, nameFlaw, spaceFlaw } from "../model/names.ts";
import { keyOf } from "../model/record.ts";
import type { Collections, RecordOf } from "../model/schema.ts";
import { type Clock, systemClock } from "../util/clock.ts";
import { type Random, systemRandom } from "../util/random.ts";
import { type Auth, Bearer } from "./bearer.ts";
import type { SocketConstructor } from "./channel.ts";
import { drafted, type Transaction } from "./draft.ts";
import { ClientError } from "./errors.ts";
import { Emitter, type Events, type Listener } from "./events.ts";
import { type Inspection, inspected } from "./inspect.ts";
import { Local } from "./local.ts";
import { LiveQuery, matching, PreparedQuery, type Query } from "./query.ts";
import { type Draft, type Mutated, Queue } from "./queue.ts";
import type { Status } from "./status.ts";
import { memoryStore } from "./store/memory.ts";
import type { ClientStore } from "./store/store.ts";
import {
  checkedSubscription,
  filled,
  type SubscribeOptions,
  type SubscriptionHandle,
  subscribed,
  unsubscribed,
} from "./subscribe.ts";
import { Sync } from "./sync.ts";
import { Transport } from "./transport.ts";
import type { VerifyReport } from "./verify.ts";

export interface ClientOptions<C extends Collections = Collections> {
  /** Of the server, for instance "https://example.org". */
  readonly url: string;
  readonly space: string;
  /** Collections as the server knows them; its version is what C8 compares. Without it any collection can be used. */
  readonly schema?: { readonly version?: number; readonly collections?: C };
  /** Where replica and queue are kept; by default in memory, for as long as the client lives. */
  readonly store?: ClientStore;
  /** Whether tabs that have the same store share one client (C4), where store and browser can; by default they do. */
  readonly tabs?: boolean;
  /** A bearer token, or a function that gives the present one. */
  readonly auth?: Auth;
  readonly fetch?: typeof globalThis.fetch;
  /** By default that of the platform, unless there is a `fetch`: who brings a network of its own brings all of it. */
  readonly WebSocket?: SocketConstructor;
  /** False: no live connections, only pulls that wait. By default they are used wherever they pass (L6). */
  readonly live?: boolean;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Seconds that a pull waits for news; 25 by default, at most what the server allows (60). */
  readonly wait?: number;
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
  /** Queue, subscriptions and last outcomes as they are now, for panels and logs. */
  inspect(): Promise<Inspection>;
  /** Copies everything anew; the queue stays. */
  recover(): Promise<void>;
  /** Stops syncing and closes the store. The queue is kept, for a store that is. */
  close(): Promise<void>;
}

const WAIT = 25;

/** What of a client works once its store is open. */
interface Running {
  readonly local: Local;
  readonly sync: Sync;
}

/** The client of one tab, which has the store to itself. */
export class TidemarkClient implements Client {
  readonly #options: ClientOptions;
  readonly #events: Emitter;
  readonly #queue = new Queue();
  readonly #ready: Promise<Running>;
  #running: Running | null = null;
  #failure: unknown = null;
  readonly #closing = new AbortController();

  constructor(options: ClientOptions, events = new Emitter()) {
    const flaw = spaceFlaw(options.space);
    if (flaw !== null) throw new ClientError("invalid", flaw, "space");
    this.#options = options;
    this.#events = events;
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
    const Socket = socketOf(this.#options);
    const { local, damage, evicted } = await opened({
      store,
      clock,
      random,
      space,
      events: this.#events,
      collections: schema?.collections ?? {},
      onSettled: (pending, outcome) => this.#queue.settled(pending, outcome, local),
    });
    const bearer = new Bearer(auth);
    const transport = new Transport({ url, space, bearer, fetch, clock });
    const sync = new Sync({ local, transport, bearer, Socket, random, wait, schema: schema?.version });
    this.#running = { local, sync };
    if (damage !== null) this.#events.emit("recovered", { reason: evicted ? "evicted" : "damaged", message: damage });
    if (!this.#closed) sync.start();
    return this.#running;
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
  }

  get status(): Status {
    if (this.#running !== null) return this.#running.sync.status;
    const nothing = { revision: 0, asOf: null, pending: 0, copies: {} };
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
    const added = this.#use(async ({ local, sync }) => {
      if (await subscribed(local, wanted)) sync.pullSoon();
    });
    return this.#handle(wanted.key, added);
  }

  async subscriptions(): Promise<readonly SubscriptionHandle[]> {
    return await this.#use(({ local }) =>
      // Those that were made just before are being written.
      local.gate.shared(async () =>
        [...local.subscriptions.values()].map(({ key }) => this.#handle(key, Promise.resolve())),
      ),
    );
  }

  #handle(key: string, added: Promise<void>): SubscriptionHandle {
    const ready = added.then(() =>
      this.#use(async ({ local }) => {
        await filled(local, key, this.#closing.signal);
        await local.told();
      }),
    );
    ready.catch(() => {});
    const unsubscribe = async () => {
      await added;
      await this.unsubscribe(key);
    };
    return { key, ready, unsubscribe };
  }

  async unsubscribe(key: string): Promise<void> {
    await this.#use(async ({ local, sync }) => {
      await unsubscribed(local, key);
      sync.pullSoon();
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
    this.#checkOwner();
    return this.enqueue({ writes: drafted(this.#options.schema?.collections, write), whole });
  }

  /** Takes in what has been drafted. */
  enqueue(draft: Draft): Mutated {
    const local = this.#ready.then((running) => running.local);
    const mutated = this.#queue.mutate(local, this.#options.schema?.collections ?? {}, draft);
    mutated.local.then(
      () => this.#running?.sync.pushSoon(),
      (error: unknown) => this.#running?.sync.storeFailed(error),
    );
    return mutated;
  }

  async sync(): Promise<void> {
    await this.#use(({ sync }) => sync.sync());
  }

  async verify(): Promise<VerifyReport> {
    return await this.#use(({ sync }) => sync.verify());
  }

  async inspect(): Promise<Inspection> {
    return await this.#read(inspected);
  }

  async recover(): Promise<void> {
    await this.#use(({ sync }) => sync.recover());
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closing.abort();
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
      this.#checkOwner();
      try {
        return await local.gate.shared(() => read(local));
      } catch (error) {
        await sync.storeFailed(error);
        throw error;
      }
    });
  }

  async #use<T>(task: (running: Running) => Promise<T>): Promise<T> {
    this.#checkOpen();
    return await task(await this.#ready);
  }

  /** Nothing is shown of a store that is somebody else's, and nothing put into it (C9). */
  #checkOwner(): void {
    if (this.#running === null || this.#running.sync.mayShow) return;
    throw new ClientError("other-principal", this.status.cause ?? "this store belongs to another principal");
  }

  #checkOpen(): void {
    if (this.#closed) throw new ClientError("closed", "the client has been closed");
  }
}

function socketOf({ live = true, fetch, WebSocket }: ClientOptions): SocketConstructor | undefined {
  if (!live) return undefined;
  return WebSocket ?? (fetch === undefined ? (globalThis as { WebSocket?: SocketConstructor }).WebSocket : undefined);
}

/** Opens the store; one that cannot be used is not kept open. */
async function opened(options: Parameters<typeof Local.open>[0]): ReturnType<typeof Local.open> {
  try {
    return await Local.open(options);
  } catch (error) {
    await options.store.close();
    throw error;
  }
}
