import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { onTestFinished } from "vitest";
import type { Http, Page, ReadContext, Source, SourceChange, SourceCursor, Stream } from "../../src/ingest/source.ts";
import { type Auth, noAuth } from "../../src/ingest/sources/http/auth.ts";
import { httpSource, type Reader } from "../../src/ingest/sources/http/source.ts";
import { createHttp, type TrafficOptions } from "../../src/ingest/sources/http/traffic.ts";
import { type VirtualClock, virtualClock } from "../../src/testing/clock.ts";
import { seededRandom } from "../../src/testing/random.ts";
import type { Handler } from "../../src/testing/stubs/index.ts";
import { systemClock } from "../../src/util/clock.ts";
import type { JsonObject } from "../../src/util/json.ts";
import { systemRandom } from "../../src/util/random.ts";

/** A stub on a port of this machine. */
export async function listening(handler: Handler): Promise<string> {
  const server = createServer(getRequestListener(handler));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The real network and clock; limits are left out, so that nobody waits for them. */
export function realHttp(): Http {
  const http = createHttp({ clock: systemClock, random: systemRandom, fetch });
  return (url, { budget, ...init } = {}) =>
    http(url, { ...init, ...(budget && { budget: { ...budget, limits: [] } }) });
}

/** Traffic to a handler, without a network, in the time of a virtual clock. */
export class World {
  readonly clock: VirtualClock = virtualClock("http");
  readonly http: Http;

  constructor(handler: Handler, options: Partial<TrafficOptions> = {}) {
    const ask = (async (url, init) => handler(new Request(url as string, init))) as typeof fetch;
    this.http = createHttp({ clock: this.clock, random: seededRandom("jitter"), fetch: ask, ...options });
  }

  /** Lets time pass until it is done; at most ten virtual days. */
  async run<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const done = work.finally(() => {
      settled = true;
    });
    done.catch(() => {});
    await this.clock.until(() => settled, 864_000_000);
    return done;
  }

  read(stream: Stream, cursor: SourceCursor, window?: ReadContext["window"]): Promise<Reading> {
    return this.run(
      reading(stream, { cursor, http: this.http, now: () => this.clock.now(), ...(window && { window }) }),
    );
  }
}

export interface Reading {
  readonly pages: readonly Page[];
  readonly changes: readonly SourceChange[];
  readonly cursor: SourceCursor;
  readonly last: Page["last"];
  /** What ended it before its end. */
  readonly error: unknown;
}

type Reads = Pick<ReadContext, "cursor" | "http" | "window"> & { readonly now?: () => number };

/** Reads a stream to its end, or to what stops it; the cursor is that of the last page. */
export async function reading(stream: Stream, reads: Reads): Promise<Reading> {
  const pages: Page[] = [];
  let error: unknown;
  try {
    for await (const page of stream.read({ now: systemClock.now, signal: new AbortController().signal, ...reads }))
      pages.push(page);
  } catch (caught) {
    error = caught;
  }
  const last = pages.at(-1);
  return {
    pages,
    changes: pages.flatMap(({ changes }) => changes),
    cursor: last?.cursor ?? reads.cursor,
    last: last?.last,
    error,
  };
}

/** What somebody holds who does with pages what they say. */
export class Held {
  readonly records = new Map<string, JsonObject>();
  #shown = new Set<string>();

  take({ pages }: Reading): this {
    for (const { changes, replaces = [], last } of pages) {
      const shown = new Set(changes.flatMap((change) => (change.op === "put" ? [change.key.join("|")] : [])));
      for (const prefix of replaces)
        for (const key of this.records.keys())
          if (key.startsWith(prefix.join("|")) && !shown.has(key)) this.records.delete(key);
      for (const change of changes) {
        if (change.op === "put") this.records.set(change.key.join("|"), change.value);
        if (change.op === "delete") this.records.delete(change.key.join("|"));
      }
      for (const key of shown) this.#shown.add(key);
      if (last === "complete")
        for (const key of this.records.keys()) if (!this.#shown.has(key)) this.records.delete(key);
      if (last !== undefined) this.#shown = new Set();
    }
    return this;
  }

  keys(): string[] {
    return [...this.records.keys()].sort();
  }
}

export const ADDRESS = "http://api.test/v1";

export function things(read: Reader, auth: Auth = noAuth): Source {
  const api = { address: ADDRESS, auth };
  return httpSource({
    name: "test",
    api,
    check: { path: "things" },
    streams: [{ name: "things", key: ["id"], deletes: "by-complete-pass", read }],
  });
}

export const streamOf = (source: Source) => source.streams[0] as Source["streams"][number];
export const shape = { items: "items", key: (item: JsonObject) => [item["id"]] };
export const rows = (from: number, count: number) => Array.from({ length: count }, (_, i) => ({ id: from + i }));
export const ids = (count: number) =>
  rows(0, count)
    .map(({ id }) => String(id))
    .sort();
