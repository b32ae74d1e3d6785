import type { ChangeMessageOrDeleteKeyMessage, CollectionConfig, SyncConfig, UtilsRecord } from "@tanstack/db";
import type { Client, SubscriptionHandle } from "../client/index.ts";
import { filledFor } from "../client/ready.ts";
import type { Filter } from "../model/filter.ts";
import type { RecordData } from "../model/record.ts";
import type { Collections, RecordOf } from "../model/schema.ts";
import { sameJson } from "../util/json.ts";
import { persisted } from "./persist.ts";
import type { Row } from "./row.ts";

export interface TidemarkCollectionConfig<C extends Collections, N extends keyof C & string> {
  readonly client: Client<C>;
  /** Its name on the server. */
  readonly collection: N;
  /** Which of its records; all that the replica holds by default. */
  readonly where?: Filter;
  /** A scope that the client follows from the moment the collection is used, until somebody unsubscribes it. */
  readonly scope?: string;
  /** Or the subscription, where the application has one. */
  readonly subscription?: SubscriptionHandle;
  /** TanStack DB's name for it; by default the collection's. Give one where two collections read from the same. */
  readonly id?: string;
}

export interface TidemarkUtils extends UtilsRecord {
  /** The name under which the server knows the collection. */
  readonly collectionName: string;
}

type Options<R extends object> = Omit<CollectionConfig<R, string, never, TidemarkUtils>, "utils"> & {
  readonly utils: TidemarkUtils;
};

/**
 * Options for `createCollection` of TanStack DB: the collection holds what the client's queries see, its own pending
 * mutations included, and follows it.
 *
 * **Ready** is when the subscription is filled: at once, also offline, where a store brought it along; never before, so that
 * an empty collection that is ready is empty on the server. Without `scope` and `subscription` all subscriptions that the
 * client has count. The collection never unsubscribes: what a device holds for being offline is the application's decision.
 *
 * **Writes** of one transaction go out as one atomic mutation with only the atoms that changed (null for those removed).
 * The transaction ends (`isPersisted`) when
 * - the server has settled it and the rows have come back, while the server can be reached. *Rejected*, it fails with the
 *   server's message (`RejectedError`) and the rows are as before. *Superseded*, it ends well, and the rows show the
 *   server's values in the same step; `client.on("superseded", …)` tells what was superseded;
 * - it is durable on this device and the rows hold it, as soon as the server is away. Its optimistic state ends then,
 *   which nobody sees, since the client lays what is pending over what it holds; after a reload too. A later rejection is
 *   told by `client.on("rejected", …)`, and takes the change out of the rows.
 *
 * It does not wait for a server that is away, because TanStack DB holds back every synced row of a collection while one of
 * its transactions has not ended: other tabs' changes, and what arrives on reconnecting, would stay unseen.
 *
 * Throws ClientError where scope, filter or name are not well formed.
 *
 * @example
 * const tasks = createCollection(tidemarkCollectionOptions({ client, collection: "tasks", scope: "project/7" }));
 * tasks.update("t1", (draft) => { draft.status = "done"; });
 */
export function tidemarkCollectionOptions<C extends Collections, const N extends keyof C & string>(
  config: TidemarkCollectionConfig<C, N>,
): Options<Row<RecordOf<C[N]>>> {
  const { collection, id = collection } = config;
  const client = config.client as unknown as Client;
  const persist = async ({ transaction }: Transacted) => {
    await persisted(
      client,
      transaction.mutations.map((mutation) => [collection, mutation]),
    );
  };
  const options: Options<RecordData> = {
    id,
    getKey: (record) => record.id,
    sync: syncOf({ ...config, client }),
    onInsert: persist,
    onUpdate: persist,
    onDelete: persist,
    utils: { collectionName: collection },
  };
  return options as unknown as Options<Row<RecordOf<C[N]>>>;
}

interface Transacted {
  readonly transaction: { readonly mutations: readonly Parameters<typeof persisted>[1][number][1][] };
}

interface Source {
  readonly client: Client;
  readonly collection: string;
  readonly where?: Filter;
  readonly scope?: string;
  readonly subscription?: SubscriptionHandle;
}

function syncOf({ client, collection, where, scope, subscription }: Source): SyncConfig<RecordData, string> {
  return {
    rowUpdateMode: "full",
    sync: ({ begin, write, commit, markReady, markError }) => {
      const first = Promise.withResolvers<void>();
      let held: ReadonlyMap<string, RecordData> = new Map();
      let ended = false;
      const follow = subscription ?? (scope === undefined ? undefined : client.subscribe({ scope }));
      const query = { collection, ...(where !== undefined && { where }) };
      const stop = client.observe(query, (records) => {
        const next = new Map(records.map((record) => [record.id, record]));
        const changes = [...changesBetween(held, next)];
        held = next;
        if (changes.length > 0) {
          begin();
          for (const change of changes) write(change);
          commit();
        }
        first.resolve();
      });
      Promise.all([filledFor(client, follow), first.promise]).then(
        () => {
          if (!ended) markReady();
        },
        (error: unknown) => {
          if (!ended) markError(error);
        },
      );
      return () => {
        ended = true;
        stop();
      };
    },
  };
}

type Written = ChangeMessageOrDeleteKeyMessage<RecordData, string>;

/** Records that did not change are mostly the same objects. */
function* changesBetween(
  before: ReadonlyMap<string, RecordData>,
  after: ReadonlyMap<string, RecordData>,
): Generator<Written> {
  for (const key of before.keys()) if (!after.has(key)) yield { type: "delete", key };
  for (const [key, value] of after) {
    const known = before.get(key);
    if (known === undefined) yield { type: "insert", value };
    else if (known !== value && !sameJson(known, value)) yield { type: "update", value };
  }
}
