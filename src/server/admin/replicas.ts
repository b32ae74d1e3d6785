import type { Revision } from "../../model/record.ts";
import type { User } from "../../model/schema.ts";
import type { Clock } from "../../util/clock.ts";
import type { ReplicaState, ReplicasResponse } from "../../wire/admin.ts";
import type { Call, Core } from "../core.ts";
import { json } from "../encode.ts";
import { unknownSpace } from "../questions.ts";
import { numberIn } from "../requests/query.ts";
import type { Subscription } from "../subscription.ts";

/** Replicas that are remembered; of more the one that was heard of longest ago is forgotten. */
const REMEMBERED = 10_000;
/** Subscriptions of one that are told. */
const TOLD = 100;
const LIMIT = 1_000;

type Followed = Pick<Subscription, "key" | "coverage" | "matcher">;

/** Who is connected, as a live connection tells of itself. */
export interface LiveReplica {
  readonly user: User;
  readonly client: string | null;
  readonly subscriptions: readonly Followed[];
  readonly tidemark: Revision | null;
  readonly opened: number;
  readonly slow: boolean;
}

/**
 * Who follows the spaces of this server. Nothing of it is stored: a server owes a replica nothing, whose place is in its
 * cursor. So it is what has been heard of since the start, on this server.
 */
export class Replicas {
  readonly #clock: Clock;
  readonly #since: number;
  readonly #pulled = new Map<string, { readonly space: string; readonly state: ReplicaState }>();
  #live: (space: string) => readonly LiveReplica[] = () => [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
  }

  /** Where to look for live connections. */
  watchLive(look: (space: string) => readonly LiveReplica[]): void {
    this.#live = look;
  }

  /** A pull was answered to its end. */
  pulled(
    space: string,
    user: User,
    client: string | undefined,
    subscriptions: readonly Followed[],
    tidemark: Revision,
  ): void {
    if (subscriptions.length === 0) return;
    const name = JSON.stringify([space, user.id, client ?? subscriptions.map(({ key }) => key)]);
    const at = new Date(this.#clock.now()).toISOString();
    const told = followed(subscriptions);
    const state: ReplicaState = {
      user: user.id,
      client: client ?? null,
      how: "pull",
      ...told,
      tidemark,
      at,
      slow: false,
    };
    // Named anew, it is the one that was heard of last.
    this.#pulled.delete(name);
    this.#pulled.set(name, { space, state });
    if (this.#pulled.size <= REMEMBERED) return;
    const [oldest] = this.#pulled.keys();
    if (oldest !== undefined) this.#pulled.delete(oldest);
  }

  /** Live ones first; of those that pull, who was heard of last. A client that is connected is told of once. */
  list(space: string): { readonly since: string; readonly replicas: readonly ReplicaState[] } {
    const live = this.#live(space).map(stateOf);
    const connected = new Set(live.map(nameOf));
    const pulled = [...this.#pulled.values()]
      .filter((one) => one.space === space)
      .map(({ state }) => state)
      .filter((state) => state.client === null || !connected.has(nameOf(state)))
      .reverse();
    return { since: new Date(this.#since).toISOString(), replicas: [...live, ...pulled] };
  }
}

function stateOf({ user, client, subscriptions, tidemark, opened, slow }: LiveReplica): ReplicaState {
  const at = new Date(opened).toISOString();
  return { user: user.id, client, how: "live", ...followed(subscriptions), tidemark, at, slow };
}

function followed(subscriptions: readonly Followed[]): Pick<ReplicaState, "subscriptions" | "subscribed"> {
  return {
    subscriptions: subscriptions.slice(0, TOLD).map(({ key, coverage, matcher }) => {
      return { key, scope: coverage.scope, filtered: matcher !== null || coverage.collections !== undefined };
    }),
    subscribed: subscriptions.length,
  };
}

function nameOf({ user, client }: ReplicaState): string {
  return `${user}\n${client}`;
}

/** `GET …/replicas?limit=K` (Y5), for admin. */
export async function listReplicas(core: Core, { request, space, url }: Call): Promise<Response> {
  const limit = numberIn(url.searchParams, "limit", { fallback: LIMIT, most: REMEMBERED });
  const head = await core.store.head(space);
  if (head === null) throw unknownSpace();
  const { since, replicas } = core.replicas.list(space);
  const response: ReplicasResponse = {
    revision: head.revision,
    since,
    total: replicas.length,
    replicas: replicas.slice(0, limit),
  };
  return json(request, response);
}
