import type { Head } from "../model/batch.ts";
import type { Action, Authorize } from "../model/grant.ts";
import type { Push, PushResult, SpaceReview } from "../model/push.ts";
import type { Key, RecordData } from "../model/record.ts";
import type { Collections, User } from "../model/schema.ts";
import type { Store } from "../store/store.ts";
import type { LinkPlan } from "./links-config.ts";
import type { Log } from "./log.ts";
import type { Route } from "./routes.ts";

/** Spaces of these names are kept by an identity; a server without one behaves as if they were not there. */
export function isReserved(space: string): boolean {
  return space === "system" || space.startsWith("system-");
}

/**
 * Who keeps the accounts of a server: it knows tokens of its own, what the users may do, and when a login has ended. The
 * server knows nothing of users itself.
 */
export interface Identity {
  /** The spaces that it keeps, which are made at the start. Only it says who may do what there. */
  readonly spaces: ReadonlyMap<string, ReservedSpace>;
  readonly routes: readonly Route[];
  /** Called once, when the spaces are there and before anything is answered. */
  open(host: IdentityHost): Promise<void>;
  /** The principal of one of its own tokens; null: the token is none of its own. Throws `unauthenticated`. */
  identify(token: string): Promise<User | null>;
  /** Throws `unauthenticated` where somebody whom another authentication named may not come in. */
  admit(user: User): Promise<void>;
  /** What the roles of a user say; for its own spaces it is the only one that is asked. */
  authorize(user: User, action: Action): boolean;
  /** Whether the login by which the user came in still holds. */
  stands(user: User): boolean;
  /** Calls the listener, in the same step, whenever a login may have ended or a permission may have changed. */
  watch(listener: () => void): void;
}

export interface ReservedSpace {
  readonly collections: Collections;
  readonly rule?: SpaceRule;
  /** How a link that carries accounts writes into it; absent: no link does. */
  intake?(link: LinkPlan): Intake;
}

/** What becomes, in a space of an identity, of what a link brings from another server's (U5). */
export interface Intake {
  /** In whose name the rule of the space is asked. */
  readonly user: User;
  /** A record as it is kept here; null: it is not. */
  kept(collection: string, record: RecordData): RecordData | null;
  /** Why what is here is not the link's to change; null: it is. */
  barred(here: RecordData): string | null;
  /** Whether this ends an account that is in use. */
  ends(collection: string, here: RecordData | null, after: RecordData | null): boolean;
  /** Of all that one synchronisation brings, what waits until somebody confirms it; null: nothing. */
  held(changes: readonly Arriving[]): Promise<Held | null>;
}

/** A record as it will be kept; null: it goes. */
export interface Arriving {
  readonly key: Key;
  readonly after: RecordData | null;
}

export interface Held {
  readonly keys: ReadonlySet<Key>;
  readonly reason: string;
}

/** A rule over a space as a whole: what no record can be asked alone, for instance that one of them has to remain. */
export interface SpaceRule {
  /** Begins a decision; null where the rule knows another revision of the space than this head: then it has to catch up. */
  begin(head: Head): { readonly review: SpaceReview; end(): void } | null;
  catchUp(): Promise<void>;
}

/** What the server gives its identity. */
export interface IdentityHost {
  readonly store: Store;
  readonly log: Log;
  readonly stopping: AbortSignal;
  /** The one that every path asks. */
  readonly authorize: Authorize;
  /** Settles a push as one of its own clients; the push is decided like any other. */
  push(space: string, push: Push): Promise<PushResult>;
}
