import type { Key } from "../../../model/record.ts";
import type { Json } from "../../../util/json.ts";
import { surroundings } from "../../tabs/surroundings.ts";
import { packedBatch } from "../block.ts";
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
import { type Desk, unpacked } from "./messages.ts";
import { Remote } from "./remote.ts";

export interface OpfsStoreOptions {
  /** Of the database, within the page's origin. One replica has one: name it after space and user. */
  readonly name: string;
  /** Starts the worker that has the database: a bundler has to see its address. */
  readonly worker: () => Worker;
  /** Whether the browser is asked to keep it (`navigator.storage.persist`) when it first holds something; by default it is. */
  readonly persist?: boolean;
}

/**
 * A replica and its queue in one SQLite file of the browser's origin private file system, for large replicas: SQLite runs
 * in a worker, so that the page's thread waits for nothing. It needs `@sqlite.org/sqlite-wasm`. What `mutate` has made
 * durable survives power loss (`synchronous` FULL).
 *
 * @example
 * const worker = () => new Worker(new URL("tidemark/client/opfs/worker", import.meta.url), { type: "module" });
 * createClient({ url, space, store: opfsStore({ name: "acme/ann", worker }) });
 */
export function opfsStore(options: OpfsStoreOptions): ClientStore {
  return new OpfsStore(options);
}

/** A worker that has the database open. */
interface Parts {
  readonly remote: Remote;
  readonly offLife: () => void;
}

class OpfsStore implements ClientStore {
  readonly shared: string;
  readonly #options: OpfsStoreOptions;
  #care: Care;
  #parts: Parts | null = null;
  /** What was found to be damaged while the database was open the last time. */
  #suspect: string | null = null;

  constructor(options: OpfsStoreOptions) {
    this.#options = options;
    // Not the name alone: an application may have come here from an IndexedDB of the same name.
    this.shared = `opfs/${options.name}`;
    this.#care = this.#newCare();
  }

  async open(): Promise<Opened> {
    const suspect = this.#suspect;
    this.#suspect = null;
    this.#care = this.#newCare();
    const { name, worker } = this.#options;
    const remote = new Remote(worker(), name);
    // A page that is frozen may not keep its files from the next that leads.
    const stops = () => remote.release("the page was put aside");
    this.#parts = { remote, offLife: surroundings()?.onLife(stops, () => {}) ?? (() => {}) };
    const { damage, isNew } = await this.#ask("open", name, suspect);
    if (damage !== null || !isNew || !this.#care.wasUsed) return { damage };
    return { damage: `the browser has evicted the database ${name}`, evicted: true };
  }

  async notes(prefix: string, limit?: number): Promise<readonly (readonly [string, Json])[]> {
    return await this.#ask("notes", prefix, limit);
  }

  async get(keys: readonly Key[]): Promise<(Row | undefined)[]> {
    return await this.#ask("get", keys);
  }

  async scan(from: Key | null, to: Key | null, limit: number): Promise<Row[]> {
    return (await this.#ask("scan", from, to, limit)).flatMap(unpacked);
  }

  async staged(subscription: number, skip: number, limit: number): Promise<RecordLine[]> {
    return await this.#ask("staged", subscription, skip, limit);
  }

  async spans(subscription: number): Promise<Span[]> {
    return await this.#ask("spans", subscription);
  }

  async isFree(span: Span): Promise<boolean> {
    return await this.#ask("isFree", span);
  }

  async stagedRows(adopt: readonly Adopted[], keys: readonly Key[]): Promise<(Row | undefined)[]> {
    return await this.#ask("stagedRows", adopt, keys);
  }

  /** A page at a time, each as of its moment. */
  async *contents(from: Key | null, to: Key | null): AsyncGenerator<Content> {
    for (let next = from; ; ) {
      const { contents, rest } = await this.#ask("contents", next, to);
      yield* contents;
      if (rest === null) return;
      next = rest;
    }
  }

  async write(batch: Batch): Promise<void> {
    await this.#ask("write", packedBatch(batch));
    this.#care.written(batch.rows !== undefined || batch.adopt !== undefined);
  }

  async close(): Promise<void> {
    const parts = this.#parts;
    this.#parts = null;
    if (parts === null) return;
    parts.offLife();
    // Chromium never returns from closing files that it has deleted; and a worker that is gone has let go of everything.
    if (this.#suspect === null) await parts.remote.ask("close").catch(() => {});
    parts.remote.end("it was closed");
  }

  #newCare(): Care {
    const { name, persist = true } = this.#options;
    return new Care(`opfs/${name}`, persist);
  }

  async #ask<N extends keyof Desk>(op: N, ...args: Parameters<Desk[N]>): Promise<Awaited<ReturnType<Desk[N]>>> {
    if (this.#parts === null) throw new StoreError("unavailable", `${this.#options.name} is not open`);
    try {
      return await this.#parts.remote.ask(op, ...args);
    } catch (error) {
      if (error instanceof StoreError && error.failure === "damaged") this.#suspect ??= error.message;
      throw error;
    }
  }
}
