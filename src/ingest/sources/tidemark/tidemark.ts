import { type Auth, Bearer } from "../../../client/bearer.ts";
import { Transport } from "../../../client/transport.ts";
import type { Filter } from "../../../model/filter.ts";
import { systemClock } from "../../../util/clock.ts";
import type { Source } from "../../source.ts";
import { failureOf, read } from "./read.ts";

export interface TidemarkOptions {
  /** Of the source. */
  readonly name: string;
  /** The server's address, for instance `https://example.org`. */
  readonly url: string;
  readonly space: string;
  /** A bearer token, or a function that gives the present one. */
  readonly auth?: Auth;
  /** Each is a stream. */
  readonly collections: readonly string[];
  /** By default all that may be read. */
  readonly scope?: string;
  /** Only the records that it matches (P11). */
  readonly where?: Filter;
  readonly fetch?: typeof globalThis.fetch;
}

/** What is asked of another space, and how. */
export interface Asked {
  readonly transport: Transport;
  readonly space: string;
  readonly collection: string;
  readonly subscription: { readonly scope: string; readonly collections: readonly string[]; readonly where?: Filter };
}

/**
 * Another space of Tidemark, followed by pulls as by any replica: changes and deletions come as such, and its cursor is the
 * stream's. Where both sides are to stay one and the same, make a link instead.
 *
 * @example
 * tidemark({ name: "hq", url: "https://sync.example", space: "hq", auth: token, collections: ["contacts"] })
 */
export function tidemark(options: TidemarkOptions): Source {
  const { name, url, space, auth, collections, scope = "*", where } = options;
  const { fetch = globalThis.fetch } = options;
  const transport = new Transport({ url, space, bearer: new Bearer(auth), fetch, clock: systemClock });
  const asked = (collection: string): Asked => {
    return {
      transport,
      space,
      collection,
      subscription: { scope, collections: [collection], ...(where && { where }) },
    };
  };
  return {
    name,
    async check(context) {
      const [collection = "check"] = collections;
      try {
        for await (const _ of transport.pull({ subscriptions: [asked(collection).subscription] }, context.signal))
          break;
      } catch (error) {
        throw failureOf(error, url, space, context.now());
      }
    },
    streams: collections.map((collection) => ({
      name: collection,
      key: ["id"],
      deletes: "reported",
      read: (context) => read(asked(collection), url, context),
    })),
  };
}
