import type { Deletes, Page, ReadContext, Source, SourceCursor } from "../../source.ts";
import { type Api, type Ask, asker, type Question } from "./ask.ts";

/** One reading of a stream, as its reader sees it. */
export interface Run {
  /** Null asks for a complete pass. */
  readonly cursor: SourceCursor;
  readonly window: ReadContext["window"];
  readonly ask: Ask;
  /** Unix milliseconds. */
  now(): number;
}

/** How a stream is read: `paged`, `anchored`, `daily`, `each` of several, or a way of its own. */
export type Reader = (run: Run) => AsyncIterable<Page>;

export interface HttpStream {
  readonly name: string;
  readonly key: readonly string[];
  readonly deletes: Deletes;
  readonly read: Reader;
}

export interface HttpDefinition {
  readonly name: string;
  readonly api: Api;
  /** A small question that any valid credential may ask. */
  readonly check: Question;
  readonly streams: readonly HttpStream[];
}

/**
 * A source over HTTP: what to ask, and how it is read, over one engine that knows the network.
 *
 * @example
 * const shop = httpSource({
 *   name: "shop",
 *   api: { address: "https://shop.example/api", auth: bearer(token), limits: [{ requests: 10, per: 1000 }] },
 *   check: { path: "orders", query: { limit: 1 } },
 *   streams: [{
 *     name: "orders", key: ["id"], deletes: "by-complete-pass",
 *     read: paged({
 *       shape: { items: "data", key: (order) => [order.id] },
 *       question: (place) => ({ path: "orders", query: { after: place as string } }),
 *       next: byToken("next"),
 *     }),
 *   }],
 * });
 */
export function httpSource({ name, api, check, streams }: HttpDefinition): Source {
  return {
    name,
    async check(context) {
      await asker(api, context)(check);
    },
    streams: streams.map(({ read, ...stream }) => ({
      ...stream,
      read: ({ cursor, window, ...context }) =>
        read({ cursor, window, ask: asker(api, context), now: () => context.now() }),
    })),
  };
}
