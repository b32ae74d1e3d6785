import { type Filter, filterFlaw } from "../model/filter.ts";
import { EMPTY } from "../model/fingerprint.ts";
import { idFlaw, nameFlaw, subscribedFlaw } from "../model/names.ts";
import { LIMITS } from "../wire/limits.ts";
import { ClientError } from "./errors.ts";
import type { Local } from "./local.ts";
import { applied } from "./replica.ts";
import { type Subscription, sameCoverage } from "./state.ts";

export interface SubscribeOptions {
  /** A scope, or a pattern such as `project/*`: whatever of these the principal may read at the time (P14). */
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

export type Wanted = Pick<Subscription, "key" | "scope" | "collections" | "where">;

const UNFILLED = { cursor: null, revision: null, staging: null, fingerprint: EMPTY, distrust: false, revoked: false };

/** The subscription in full; throws ClientError where a server would not take it. */
export function checkedSubscription({ scope, key = scope, collections, where }: SubscribeOptions): Wanted {
  const refuse = (flaw: string | null | undefined, path: string) => {
    if (flaw) throw new ClientError("invalid", flaw, path);
  };
  refuse(subscribedFlaw(scope), "scope");
  refuse(idFlaw(key), "key");
  for (const name of collections ?? []) refuse(nameFlaw(name), "collections");
  const flaw = where === undefined ? null : filterFlaw(where);
  refuse(flaw?.reason, `where.${flaw?.path}`);
  return { key, scope, collections: collections ? [...collections] : null, where: where ?? null };
}

/** Makes it one of the client's. True where the server has to be asked for it now. */
export async function subscribed(local: Local, wanted: Wanted): Promise<boolean> {
  return await local.gate.exclusive(async () => {
    const known = local.subscriptionOf(wanted.key);
    if (known !== undefined && sameCoverage(known, wanted) && !known.revoked) return known.cursor === null;
    if (known !== undefined) {
      // Another filter or scope under the same name: a copy replaces what is held.
      const again = { ...known, ...wanted, cursor: null, staging: null, revoked: false };
      await local.commit({ unstage: [known.number], subscriptions: [again] });
      return true;
    }
    if (local.subscriptions.size >= LIMITS.subscriptions) {
      throw new ClientError("too-large", `a client has at most ${LIMITS.subscriptions} subscriptions`);
    }
    const number = local.meta.nextSubscription;
    const subscription = { ...wanted, ...UNFILLED, number };
    await local.commit({ meta: { nextSubscription: number + 1 }, subscriptions: [subscription] });
    return true;
  });
}

/** Takes out what only this subscription held, and forgets it. */
export async function unsubscribed(local: Local, key: string): Promise<void> {
  await local.gate.exclusive(async () => {
    const ended = local.subscriptionOf(key);
    if (ended === undefined) return;
    const all = [...local.subscriptions.values()];
    const { wipe, rows } = await applied(local.store, all, [], [ended.number]);
    await local.commit({ unstage: [ended.number], wipe, rows, dropped: [ended.number] });
  });
}

/** Resolves when the subscription is complete; rejects where it is refused, has ended, or the client is closed. */
export async function filled(local: Local, key: string, closed: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const look = () => {
      const now = local.subscriptionOf(key);
      if (now !== undefined && !now.revoked && !closed.aborted && (now.cursor === null || now.staging !== null)) return;
      off();
      closed.removeEventListener("abort", look);
      if (now === undefined || closed.aborted) {
        reject(new ClientError("closed", "the subscription was ended before it was complete"));
      } else if (now.revoked) reject(new ClientError("revoked", `this principal may not read ${now.scope}`));
      else resolve();
    };
    const off = local.onSubscriptions(look);
    closed.addEventListener("abort", look);
    look();
  });
}
