import { setImmediate } from "node:timers/promises";
import { onTestFinished } from "vitest";
import type { IngestConfig } from "../../src/ingest/declare.ts";
import {
  type CleanOptions,
  clean,
  Ingest,
  type Item,
  type ItemFilter,
  type Page,
  type RunRow,
  type Source,
  type SourceChange,
  type Stream,
} from "../../src/ingest/index.ts";
import type { Http } from "../../src/ingest/source.ts";
import type { RecordData } from "../../src/model/record.ts";
import type { Collections } from "../../src/model/schema.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import type { Store } from "../../src/store/store.ts";
import { virtualClock } from "../../src/testing/clock.ts";
import type { Json, JsonObject } from "../../src/util/json.ts";
import { rulesFor } from "./rules.ts";

export const SPACE = "acme";

export function put(key: string, value: JsonObject, more: { at?: string; position?: string } = {}): SourceChange {
  return {
    op: "put",
    key: [key],
    value,
    position: more.position ?? `list#${key}`,
    ...(more.at !== undefined && { at: more.at }),
  };
}

/** A source whose pages the test sets; `reads` are the cursors that it was asked with. */
export class ListSource implements Source {
  readonly name: string;
  pages: (cursor: Json, window?: { from: string; to: string }) => Iterable<Page> | AsyncIterable<Page> = () => [];
  readonly reads: Json[] = [];
  readonly streams: readonly Stream[];

  constructor(name: string, stream: string, deletes: Stream["deletes"] = "by-complete-pass") {
    this.name = name;
    const read = (cursor: Json, window?: { from: string; to: string }) => {
      this.reads.push(cursor);
      return this.pages(cursor, window);
    };
    this.streams = [
      {
        name: stream,
        key: ["id"],
        deletes,
        async *read({ cursor, window }) {
          yield* read(cursor, window);
        },
      },
    ];
  }

  async check(): Promise<void> {}

  /** All of these in one complete pass, in pages of `size`. */
  gives(changes: readonly SourceChange[], size = 1_000): void {
    this.pages = function* () {
      for (let i = 0; i < changes.length || i === 0; i += size) {
        const last = i + size >= changes.length;
        yield {
          changes: changes.slice(i, i + size),
          cursor: last ? null : i + size,
          ...(last && { last: "complete" as const }),
        };
      }
    };
  }

  /** These, and no more, as an incremental read. */
  adds(changes: readonly SourceChange[], cursor: Json): void {
    this.pages = () => [{ changes, cursor, last: "caught-up" }];
  }
}

let madeStore: () => Store = () => openSqliteStore({ path: ":memory:" });

/** What the desks of a test file stand on, where a test brings no store of its own. */
export function storesAre(made: () => Store): void {
  madeStore = made;
}

interface DeskOptions {
  readonly store?: Store;
  readonly folder?: string | null;
  readonly collections?: Collections;
  readonly http?: Http;
}

export class Desk {
  readonly store: Store;
  readonly clock = virtualClock("1");
  readonly ingest: Ingest;

  constructor(config: IngestConfig, { store, folder = null, collections, http }: DeskOptions = {}) {
    this.store = store ?? madeStore();
    if (store === undefined) onTestFinished(() => this.store.close());
    this.ingest = new Ingest(
      {
        store: this.store,
        folder,
        rules: rulesFor(this.clock, collections),
        clock: this.clock,
        ...(http && { http }),
      },
      config,
    );
  }

  run(task: string, options?: Parameters<Ingest["run"]>[2]) {
    return this.ingest.run(SPACE, task, options);
  }

  /** Likewise, where the run waits: files, network and database are real, and the clock goes on as long as they take. */
  async patiently(task: string): Promise<RunRow> {
    const running = this.run(task);
    let done = false;
    void running.finally(() => (done = true)).catch(() => {});
    for (; !done; await setImmediate()) await this.clock.run(1_000);
    return await running;
  }

  /** All that a run may change, but for its own row and number. */
  async picture(task: string): Promise<object> {
    const [revision, items] = [await this.revision(), await this.items(task, { status: "all" })];
    const { cursor, rows, item, seq } = await this.ingest.place(this.ingest.task(SPACE, task)).state();
    return { revision, items, cursor, rows, item, seq };
  }

  async items(task: string, filter?: ItemFilter): Promise<Item[]> {
    const all: Item[] = [];
    for await (const item of this.ingest.items(SPACE, task, filter)) all.push(item);
    return all;
  }

  async revision(): Promise<number> {
    return (await this.store.head(SPACE))?.revision ?? 0;
  }

  /** The records of a collection, by id. */
  async records(collection: string): Promise<{ [id: string]: RecordData }> {
    const query = {
      kind: "page",
      scope: "*",
      collections: [collection],
      after: null,
      limit: 1_000_000,
      bytes: 1e9,
    } as const;
    const answer = await this.store.read(SPACE, [query]);
    const all = (answer?.results[0].runs ?? []).flatMap(({ records }) => JSON.parse(`[${records}]`) as RecordData[]);
    return Object.fromEntries(all.map((record) => [record.id, record]));
  }
}

/** A desk with one stream, `list.things`, that fills the collection `things`. */
export function oneStream(
  options: Partial<CleanOptions> = {},
  deletes: Stream["deletes"] = "by-complete-pass",
  more: ConstructorParameters<typeof Desk>[1] = {},
) {
  const source = new ListSource("list", "things", deletes);
  const [stream] = source.streams as [Stream];
  const desk = new Desk(
    { [SPACE]: [{ source, streams: [clean(stream, { collection: "things", ...options })] }] },
    more,
  );
  return { source, desk };
}
