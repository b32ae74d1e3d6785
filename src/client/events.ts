import type { Mutation, Outcome } from "../model/mutation.ts";
import type { Revision } from "../model/record.ts";
import type { Status } from "./status.ts";
import type { VerifyReport } from "./verify.ts";

/** A mutation as the application is told of it. Its number may change when the client takes a new id (R3). */
export type Told = Omit<Mutation, "id">;

export interface Settlement {
  readonly mutation: Told;
  readonly outcome: Outcome;
}

/** Why a replica was filled anew, or took a new client id. */
export type Recovery =
  /** A subscription was copied: its cursor had expired, was for something else, or was not known. */
  | { readonly reason: "expired" | "changed" | "new"; readonly key: string }
  /** The server was restored from a backup (R2). */
  | {
      readonly reason: "diverged";
      readonly common: Revision;
      readonly policy: "heal" | "discard";
      readonly offered: number;
    }
  /**
   * The server no longer has mutations that it had acknowledged, in a history that this replica had not seen yet; or the
   * replica had no cursor when the server was restored, and follows it back.
   */
  | { readonly reason: "lost"; readonly common: Revision; readonly offered: number }
  /** This store is a copy or an older state of another one: it goes on under a new client id (R3). */
  | { readonly reason: "rewound" }
  /** The store could not be read (R1); the text says what was wrong with it. */
  | { readonly reason: "damaged"; readonly message: string }
  /** The browser had taken the store away, with what waited in it (C4). */
  | { readonly reason: "evicted"; readonly message: string }
  /** The application asked for it. */
  | { readonly reason: "asked" };

export interface Events {
  status: Status;
  /** What the application sees has changed; `keys` is null where it may be anything. */
  change: { readonly keys: ReadonlySet<string> | null };
  /** The server's value stands against (a part of) one's own. */
  superseded: Settlement;
  rejected: Settlement;
  /** The server has settled it once and no longer knows how (W6). */
  unknown: Settlement;
  /** Acknowledged mutations that a restored server has undone, on purpose (R2, "discard"). */
  lost: { readonly mutations: readonly Settlement[] };
  recovered: Recovery;
  /** The permission to read a subscription ended; what only it held is gone (P10). */
  revoked: { readonly key: string };
  /** A subscription's content differed from the server's (P9); it is being verified and repaired. */
  damaged: { readonly key: string; readonly message: string };
  repaired: VerifyReport;
}

export type Listener<E> = (event: E) => void;

export class Emitter {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>();

  on<N extends keyof Events>(name: N, listener: Listener<Events[N]>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener as Listener<never>);
    return () => listeners.delete(listener as Listener<never>);
  }

  emit<N extends keyof Events>(name: N, event: Events[N]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) call(listener as Listener<Events[N]>, event);
  }
}

/** A listener that throws is the application's mistake: it must be seen, and must not stop the synchronisation. */
export function call<E>(listener: Listener<E>, event: E): void {
  try {
    listener(event);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
