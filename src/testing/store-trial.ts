import type { Author, Key, Membership, RecordData, Revision } from "../model/record.ts";
import type {
  Batch,
  CutHorizon,
  Head,
  PageQuery,
  PageResult,
  Query,
  ResultOf,
  ScanQuery,
  Store,
  Wanted,
} from "../store/store.ts";
import { must } from "../util/assert.ts";
import type { Expect } from "./runner.ts";
import { type Beside, batchOf, type Transaction, wantedFor } from "./store-batches.ts";

/** An empty store to try, and how to come back to what it holds. */
export interface OpenStore {
  readonly store: Store;
  /** Closes the store and opens it again. */
  reopen(): Promise<Store>;
  /** Leaves the store as a process that is killed would, and opens what is left. */
  crash?(): Promise<Store>;
}

export interface Case {
  readonly title: string;
  readonly run: (trial: StoreTrial) => Promise<void>;
}

export const SPACE = "acme";

/** A store under test with the few moves that the cases are made of; all are about the space `SPACE`. */
export class StoreTrial {
  readonly expect: Expect;
  readonly #opened: OpenStore;
  store: Store;

  constructor(opened: OpenStore, expect: Expect) {
    this.#opened = opened;
    this.store = opened.store;
    this.expect = expect;
  }

  async reopen(): Promise<void> {
    this.store = await this.#opened.reopen();
  }

  /** A crash where the store can be crashed, else the same as `reopen`. */
  async crash(): Promise<void> {
    this.store = await (this.#opened.crash ?? this.#opened.reopen).call(this.#opened);
  }

  /** Commits transactions together, and what stands beside them. */
  async write(transactions: readonly Transaction[], beside?: Beside, wanted?: Partial<Wanted>): Promise<Batch> {
    const batch = await this.store.write(SPACE, wantedFor(transactions, wanted), (loaded) =>
      batchOf(loaded, transactions, beside),
    );
    return must(batch, "a space is made where it is wanted");
  }

  /** Commits transactions one by one. */
  async writeEach(transactions: readonly Transaction[]): Promise<void> {
    for (const transaction of transactions) await this.write([transaction]);
  }

  async head(): Promise<Head> {
    return must(await this.store.head(SPACE), "the space is there");
  }

  async ask<Q extends Query>(query: Q): Promise<ResultOf<Q>> {
    const snapshot = must(await this.store.read(SPACE, [query]), "the space is there");
    return snapshot.results[0] as ResultOf<Q>;
  }

  /** What a scan finds, in short: `collection/id@revision`, with "-" where the record is not in the scope. */
  async scan(query: Partial<ScanQuery> = {}): Promise<{ found: string[]; more: boolean }> {
    const { changes, more } = await this.ask<ScanQuery>({ kind: "scan", scope: "*", after: 0, limit: 1000, ...query });
    const found = changes.map(({ collection, id, member }) => {
      return `${collection}/${id}@${member.revision}${member.present ? "" : "-"}`;
    });
    return { found, more };
  }

  async page(query: Partial<PageQuery> = {}): Promise<PageResult> {
    return this.ask<PageQuery>({ kind: "page", scope: "*", after: null, limit: 1000, bytes: 1 << 20, ...query });
  }

  /** All keys of a scope, page by page. */
  async keys(query: Partial<PageQuery> = {}): Promise<Key[]> {
    const keys: Key[] = [];
    let page: PageResult;
    let after: Key | null = null;
    do {
      page = await this.page({ ...query, after });
      keys.push(...keysOf(page));
      this.expect(page.more && page.last === after, "a page that is not the last goes on from the one before").toBe(
        false,
      );
      after = page.last;
    } while (page.more);
    return keys;
  }

  async membership(collection: string, id: string, scope: string): Promise<Membership | undefined> {
    return (await this.ask({ kind: "row", collection, id }))?.scopes.get(scope);
  }

  /** Cuts until nothing is left to cut; the number of slices. */
  async cut(horizon: Partial<CutHorizon>, slice = 1000): Promise<number> {
    for (let slices = 1; ; slices++) {
      const all = { journal: 0, tombstones: 0, outcomes: 0, ...horizon };
      const { done } = await this.store.cut(SPACE, all, slice);
      if (done) return slices;
      this.expect(slices < 10_000, "cutting comes to an end").toBe(true);
    }
  }
}

export function recordsOf(page: PageResult): RecordData[] {
  return page.runs.flatMap(({ records }) => JSON.parse(`[${records}]`) as RecordData[]);
}

export function keysOf(page: PageResult): Key[] {
  return page.runs.flatMap(({ collection, records }) =>
    (JSON.parse(`[${records}]`) as RecordData[]).map(({ id }) => `${collection}/${id}`),
  );
}

/** The error that a promise fails with; null where it does not. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return null;
  } catch (error) {
    return error;
  }
}

/** A client that has settled its mutations up to `last`. */
export function client(author: Author, last: number, acked = 0, seen = 0) {
  return { author, last, acked, was: [] as { author: Author; revision: Revision }[], seen };
}
