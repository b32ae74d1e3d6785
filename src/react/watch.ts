import type { Client, Query, Status, SubscriptionHandle } from "../client/index.ts";
import { filledFor } from "../client/ready.ts";
import { keyOf, type RecordData } from "../model/record.ts";
import { canonical, type Json, sameJson } from "../util/json.ts";

/** What `useSyncExternalStore` reads: the same snapshot as long as nothing has changed. */
export interface Watched<S> {
  readonly subscribe: (listener: () => void) => () => void;
  readonly snapshot: () => S;
}

/** A snapshot that is kept up to date while somebody listens. */
class Source<S> implements Watched<S> {
  #snapshot: S;
  readonly #start: (update: (change: (before: S) => S) => void) => () => void;
  readonly #listeners = new Set<() => void>();
  #stop: (() => void) | null = null;

  constructor(initial: S, start: (update: (change: (before: S) => S) => void) => () => void) {
    this.#snapshot = initial;
    this.#start = start;
  }

  readonly snapshot = (): S => this.#snapshot;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    this.#stop ??= this.#started();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#stop?.();
      this.#stop = null;
    };
  };

  #started(): () => void {
    let stopped = false;
    const stop = this.#start((change) => {
      if (stopped) return;
      const after = change(this.#snapshot);
      if (after === this.#snapshot) return;
      this.#snapshot = after;
      for (const listener of [...this.#listeners]) listener();
    });
    return () => {
      stopped = true;
      stop();
    };
  }
}

/** What a query gives at a moment. */
export interface QueryResult<R> {
  readonly records: readonly R[];
  /** Whether the replica holds all that the query reads from: an empty result that is not ready says nothing. */
  readonly ready: boolean;
  /** Why it will not become ready: the subscription was refused or has ended, or the client was closed. */
  readonly error: Error | null;
}

export const LOADING: QueryResult<never> = Object.freeze({ records: Object.freeze([]), ready: false, error: null });

/** What a client is asked for, kept for all components that ask for the same, so that none of them shows another moment. */
class Watches {
  readonly #client: Client;
  readonly #sources = new Map<string, Source<unknown>>();
  readonly status: Watched<Status>;

  constructor(client: Client) {
    this.#client = client;
    this.status = new Source(client.status, (update) => {
      const now = (status: Status) =>
        update((before) => (sameJson({ ...before }, { ...status }) ? before : Object.freeze(status)));
      const off = client.on("status", now);
      now(client.status);
      return off;
    });
  }

  query(query: Query, subscription: SubscriptionHandle | undefined): Watched<QueryResult<RecordData>> {
    const name = canonical({ query: plain(query), subscription: subscription?.key ?? null });
    return this.#source<QueryResult<RecordData>>(name, LOADING, (update) => {
      const first = Promise.withResolvers<void>();
      const stop = this.#client.observe(query, (records) => {
        update((before) => ({ ...before, records: kept(before.records, records as readonly RecordData[]) }));
        first.resolve();
      });
      Promise.all([filledFor(this.#client, subscription), first.promise]).then(
        () => update((before) => (before.ready ? before : { ...before, ready: true, error: null })),
        (error: Error) => update((before) => ({ ...before, ready: false, error })),
      );
      return stop;
    });
  }

  record(collection: string, id: string): Watched<RecordData | null | undefined> {
    const key = keyOf(collection, id);
    return this.#source<RecordData | null | undefined>(`record ${key}`, undefined, (update) => {
      let asked = 0;
      const look = () => {
        const ask = ++asked;
        this.#client.get(collection, id).then(
          (record) => {
            if (ask === asked) update((before) => (same(before, record) ? before : record));
          },
          // A client that was closed, or may not show what it holds: what was seen stays.
          () => {},
        );
      };
      const off = this.#client.on("change", ({ keys }) => {
        if (keys === null || keys.has(key)) look();
      });
      look();
      return off;
    });
  }

  #source<S>(name: string, initial: S, start: ConstructorParameters<typeof Source<S>>[1]): Watched<S> {
    const known = this.#sources.get(name) as Source<S> | undefined;
    if (known !== undefined) return known;
    const source: Source<S> = new Source<S>(initial, (update) => {
      // Asked for again by a component that has kept it.
      this.#sources.set(name, source as Source<unknown>);
      const stop = start(update);
      return () => {
        if (this.#sources.get(name) === source) this.#sources.delete(name);
        stop();
      };
    });
    this.#sources.set(name, source as Source<unknown>);
    return source;
  }
}

const watches = new WeakMap<Client, Watches>();

export function watchesOf(client: Client): Watches {
  const known = watches.get(client);
  if (known !== undefined) return known;
  const made = new Watches(client);
  watches.set(client, made);
  return made;
}

function plain(query: Query): Json {
  return JSON.parse(JSON.stringify(query)) as Json;
}

/** The records, each as the object that was there before where it says the same; the same list where all do. */
function kept(before: readonly RecordData[], after: readonly RecordData[]): readonly RecordData[] {
  const known = new Map(before.map((record) => [record.id, record]));
  const records = after.map((record) => {
    const last = known.get(record.id);
    return last !== undefined && sameJson(last, record) ? last : record;
  });
  const unchanged = records.length === before.length && records.every((record, i) => record === before[i]);
  return unchanged ? before : Object.freeze(records);
}

function same(before: RecordData | null | undefined, after: RecordData | null): boolean {
  if (!before || !after) return before === after;
  return sameJson(before, after);
}
