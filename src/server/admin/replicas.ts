import { z } from "zod";
import type { Revision } from "../../model/record.ts";
import type { User } from "../../model/schema.ts";
import type { Clock } from "../../util/clock.ts";
import type { ReplicaState, ReplicasResponse } from "../../wire/admin.ts";
import type { VerifiedMessage } from "../../wire/live.ts";
import { Problem } from "../../wire/problem.ts";
import { readJson } from "../body.ts";
import type { Call, Core } from "../core.ts";
import { json } from "../encode.ts";
import { unknownSpace } from "../questions.ts";
import { parsed } from "../requests/parts.ts";
import { numberIn } from "../requests/query.ts";
import type { Subscription } from "../subscription.ts";

/** Replicas that are remembered; of more the one that was heard of longest ago is forgotten. */
const REMEMBERED = 10_000;
/** Subscriptions of one that are told. */
const TOLD = 100;
const LIMIT = 1_000;

type Followed = Pick<Subscription, "key" | "coverage" | "matcher">;

/** That a replica was asked to verify itself, and what it said; times in milliseconds. */
export interface Verification {
  readonly number: number;
  readonly asked: number;
  readonly answer: {
    readonly at: number;
    readonly found: VerifiedMessage["found"] | null;
    readonly failure: string | null;
  } | null;
}

/** Where live connections are looked at, and asked to verify; null: there is none of this number. */
interface LiveReplicas {
  of(space: string): readonly LiveReplica[];
  verify(space: string, number: number): boolean | null;
}

/** Who is connected, as a live connection tells of itself. */
export interface LiveReplica {
  readonly user: User;
  readonly client: string | null;
  readonly subscriptions: readonly Followed[];
  readonly tidemark: Revision | null;
  /** Of its connection. */
  readonly number: number;
  readonly able: boolean;
  readonly verification: Verification | null;
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
  #live: LiveReplicas = { of: () => [], verify: () => null };

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
  }

  /** Where to look for live connections. */
  watchLive(live: LiveReplicas): void {
    this.#live = live;
  }

  /** Asks a connected replica to verify itself; false where it is not able to, null where it is not there. */
  verify(space: string, connection: number): boolean | null {
    return this.#live.verify(space, connection);
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
      connection: null,
      able: false,
      verification: null,
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
    const live = this.#live.of(space).map(stateOf);
    const connected = new Set(live.map(nameOf));
    const pulled = [...this.#pulled.values()]
      .filter((one) => one.space === space)
      .map(({ state }) => state)
      .filter((state) => state.client === null || !connected.has(nameOf(state)))
      .reverse();
    return { since: new Date(this.#since).toISOString(), replicas: [...live, ...pulled] };
  }
}

function stateOf({ user, number, subscriptions, opened, verification, ...rest }: LiveReplica): ReplicaState {
  const at = new Date(opened).toISOString();
  return {
    ...rest,
    user: user.id,
    connection: number,
    how: "live",
    ...followed(subscriptions),
    at,
    verification: verification === null ? null : verificationOf(verification),
  };
}

function verificationOf({ asked, answer }: Verification): ReplicaState["verification"] {
  const time = (ms: number) => new Date(ms).toISOString();
  if (answer === null) return { asked: time(asked), at: null, found: null, failure: null };
  return { asked: time(asked), at: time(answer.at), found: answer.found ?? null, failure: answer.failure };
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

export const replicaOrder = z.strictObject({ do: z.literal("verify") });

/** `POST …/replicas/{connection}` (Y15), for admin: what it finds is told by the list. */
export async function orderReplica(core: Core, { request, space, param }: Call): Promise<Response> {
  parsed(replicaOrder, await readJson(request, core.settings.limits));
  const asked = core.replicas.verify(space, Number(param("connection")));
  if (asked === null) throw new Problem("not-found", "this replica is not connected to this server any more");
  if (!asked)
    throw new Problem("invalid", "this replica cannot be asked to verify itself: its client is older", { path: "do" });
  return json(request, { asked: true });
}
