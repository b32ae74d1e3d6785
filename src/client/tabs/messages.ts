import type { RecordData } from "../../model/record.ts";
import { Problem } from "../../wire/problem.ts";
import { ClientError, TransportError } from "../errors.ts";
import type { Events } from "../events.ts";
import type { Status } from "../status.ts";
import { StoreError } from "../store/store.ts";

/** Of the messages below: tabs of another version are not understood. */
export const VERSION = 1;

/** As the client's methods; `stop` ends the `observe` of an id. */
export type Operation =
  | "subscribe"
  | "unsubscribe"
  | "subscriptions"
  | "filled"
  | "get"
  | "query"
  | "observe"
  | "stop"
  | "mutate"
  | "sync"
  | "verify"
  | "inspect"
  | "recover";

/** What a tab asks of the leader. */
export interface Ask {
  /** Of this tab, ascending. */
  readonly id: number;
  readonly op: Operation;
  readonly args: readonly unknown[];
  /** It was sent to an earlier leader; "kept": which had made it durable. */
  readonly again?: "sent" | "kept";
}

export type Answer =
  /** The mutation is durable on the device; what became of it follows. */
  | { readonly id: number; readonly kind: "local" }
  | { readonly id: number; readonly kind: "done"; readonly value: unknown }
  | { readonly id: number; readonly kind: "failed"; readonly error: Failure }
  | ({ readonly id: number; readonly kind: "news" } & News);

/** How the result of a query has changed; in order it is put by who receives it. */
export interface News {
  /** `put` is all of it. */
  readonly whole: boolean;
  readonly put: readonly RecordData[];
  readonly gone: readonly string[];
}

/** What a leader tells without being asked. */
export type Tell =
  | { readonly kind: "welcome"; readonly status: Status }
  | { readonly kind: "event"; readonly name: keyof Events; readonly value: never };

/** What a tab hears, and of which leader: something that one has sent may arrive after it has died. */
export interface ToTab {
  readonly leader: string;
  readonly message: Answer | Tell;
}

/** On the channel that all tabs hear. */
export type Call = { readonly hello: string } | { readonly leader: true };

/** An error as it goes from tab to tab: of structured clones, only the standard errors keep their class. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  readonly fields: object;
}

const CLASSES: { readonly [name: string]: { readonly prototype: Error } } = {
  ClientError,
  StoreError,
  TransportError,
  Problem,
};

export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { name: "Error", message: String(error), fields: {} };
  const { name, message } = error;
  return { name, message, fields: Object.hasOwn(CLASSES, name) ? { ...error } : {} };
}

export function errorOf({ name, message, fields }: Failure): Error {
  const error = new Error(message);
  if (Object.hasOwn(CLASSES, name)) Object.setPrototypeOf(error, CLASSES[name]?.prototype ?? null);
  return Object.assign(error, { name }, fields);
}
