import type { User } from "../model/schema.ts";
import type { Store } from "../store/store.ts";
import type { Clock } from "../util/clock.ts";
import type { Random } from "../util/random.ts";
import { Problem } from "../wire/problem.ts";
import type { Access } from "./access.ts";
import type { Active } from "./active.ts";
import type { LostWrites } from "./admin/lost.ts";
import type { Replicas } from "./admin/replicas.ts";
import type { Settings } from "./config.ts";
import type { Erasing } from "./erase.ts";
import type { Grants } from "./grants/grants.ts";
import type { Links } from "./links.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import type { Newcomers } from "./newcomer.ts";
import type { Overdue } from "./overdue.ts";
import type { Pages } from "./pages/pages.ts";
import type { Reader } from "./questions.ts";
import type { Rate } from "./rate.ts";
import type { Spaces } from "./space.ts";
import type { WaitingRooms } from "./wait.ts";

/** What every route works with. */
export interface Core {
  readonly store: Store;
  /** The store as replicas see it. */
  readonly followed: Reader;
  readonly settings: Settings;
  readonly access: Access;
  readonly rate: Rate;
  readonly spaces: Spaces;
  readonly links: Links;
  /** The links that may follow this server. */
  readonly grants: Grants;
  /** Null where there are no principals to bound. */
  readonly newcomers: Newcomers | null;
  readonly pages: Pages;
  /** What carries out orders of erasure. */
  readonly erasing: Erasing;
  /** Spaces that answer nothing until their orders are carried out. */
  readonly overdue: Overdue;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly active: Active;
  readonly waiting: WaitingRooms;
  /** Who follows, and what did not stand, as far as this server has seen it. */
  readonly replicas: Replicas;
  readonly lost: LostWrites;
  /** Resolves when the server has done what comes before its first answer. */
  readonly ready: Promise<void>;
  /** Aborted when the server is told to end: whoever waits goes on at once. */
  readonly stopping: AbortSignal;
}

/** One request on its way through a route. */
export interface Call {
  readonly request: Request;
  readonly url: URL;
  readonly user: User;
  /** Of the route's path, decoded; "" where the path has none. */
  readonly space: string;
  param(name: string): string;
  /** Of the connection's other end, as far as it is known. */
  readonly address: string | null;
}

/** Whoever asks for something of a space. */
export type Asker = Pick<Call, "space" | "user">;

/** Counts rows that were read to answer a principal, and takes them from its rate (A8). */
export function countRows({ metrics, rate }: Pick<Core, "metrics" | "rate">, user: User, count: number): void {
  metrics.rows(count);
  rate.charge(user.id, "rows", count);
}

/** Refuses clients of a schema older than the server still speaks (C8). */
export function checkSchemaVersion({ schema }: Settings, spoken: number | undefined): void {
  if (schema === null || spoken === undefined || spoken >= schema.oldest) return;
  const detail = `this server speaks schema ${schema.oldest} to ${schema.version}, the client ${spoken}: update the application`;
  throw new Problem("upgrade-required", detail);
}
