import type { Revision } from "../model/record.ts";
import { Problem } from "../wire/problem.ts";
import { ConnectionLost, Interrupted, TransportError } from "./errors.ts";
import type { Local } from "./local.ts";
import type { CopyProgress } from "./state.ts";
import { StoreError } from "./store/store.ts";

export type StateName =
  /** Nothing has been heard from the server yet. */
  | "connecting"
  /** Complete to a revision that the server had at `asOf`. */
  | "upToDate"
  /** The server is known, or may be thought, to have more; it is being fetched. */
  | "behind"
  /** The content differed from the server's, or the store was damaged; it is being put right (V, R). */
  | "repairing"
  /** The server cannot be reached. */
  | "offline"
  /** The server wants another token, or grants this one nothing. */
  | "unauthorised"
  /** The server needs a newer client; the queue is kept (C8). */
  | "upgrade-required"
  /** The store belongs to another principal (C9). */
  | "other-principal"
  /** Something else went wrong; it is tried again. */
  | "failed"
  /** The client was closed. */
  | "stopped";

/** What a client can honestly say of itself (C2). */
export interface Status {
  readonly state: StateName;
  /** Why, for people, where the state is not as one would wish. */
  readonly cause: string | null;
  /** The tidemark: the replica is complete to this revision. */
  readonly revision: Revision;
  /** When the question was asked whose answer made the replica complete, milliseconds since 1970; null: never yet. */
  readonly asOf: number | null;
  /** Mutations without an outcome. */
  readonly pending: number;
  /**
   * How far copies of more than a page have come, by the keys of their subscriptions, from their first page until they
   * are filled (C15).
   */
  readonly copies: { readonly [key: string]: CopyProgress };
}

/** What a client says of itself, told to the application with each change. */
export class Condition {
  readonly #local: Local;
  #state: StateName = "connecting";
  #cause: string | null = null;
  #asOf: number | null = null;
  #told: Status | null = null;

  constructor(local: Local) {
    this.#local = local;
    // Before anybody hears that a subscription is ready, its copy is told to be over. A revision that went back waits until
    // it has been told why.
    local.onSubscriptions(() => {
      if (local.meta.revision >= (this.#told?.revision ?? 0)) this.tell();
    });
  }

  get status(): Status {
    const { meta, unsettledCount, copies } = this.#local;
    return {
      state: this.#state,
      cause: this.#cause,
      revision: meta.revision,
      asOf: this.#asOf,
      pending: unsettledCount,
      copies,
    };
  }

  get state(): StateName {
    return this.#state;
  }

  say(state: StateName, cause: string | null = null): void {
    this.#state = state;
    this.#cause = cause;
    this.tell();
    this.#local.tellSubscriptions();
  }

  /** The replica is complete to a revision that the server had at this time. */
  complete(asOf: number): void {
    this.#asOf = asOf;
    this.say("upToDate");
  }

  /** Tells the application where anything has changed. */
  tell(): void {
    const { status } = this;
    if (this.#told !== null && sameStatus(status, this.#told)) return;
    this.#told = status;
    this.#local.events.emit("status", status);
  }
}

function sameStatus(a: Status, b: Status): boolean {
  return (Object.keys(a) as (keyof Status)[]).every((name) => a[name] === b[name]);
}

/** The state that an error means, and its cause in a sentence; null where it means nothing. */
export function stateOf(error: unknown): { state: StateName; cause: string; parks: boolean } | null {
  if (error instanceof Interrupted) return null;
  if (error instanceof TransportError) return { state: "offline", cause: error.message, parks: false };
  if (error instanceof Problem) return { ...problemState(error), cause: error.message };
  if (error instanceof StoreError) return { state: "failed", cause: `the local store: ${error.message}`, parks: false };
  if (error instanceof Error && error.name === "OtherPrincipal")
    return { state: "other-principal", cause: error.message, parks: true };
  return { state: "failed", cause: error instanceof Error ? error.message : String(error), parks: false };
}

function problemState({ code }: Problem): { state: StateName; parks: boolean } {
  switch (code) {
    case "unauthenticated":
    case "forbidden":
      return { state: "unauthorised", parks: false };
    case "upgrade-required":
      return { state: "upgrade-required", parks: false };
    case "unavailable":
    case "rate-limited":
      return { state: "offline", parks: false };
    default:
      return { state: "failed", parks: false };
  }
}

/** How long the server asked to be left alone, in milliseconds; 0 where it did not. */
export function retryAfterOf(error: unknown): number {
  if (error instanceof ConnectionLost) return retryAfterOf(error.cause);
  return error instanceof Problem ? (error.extras.retryAfter ?? 0) * 1_000 : 0;
}
