import type { JsonObject } from "../util/json.ts";
import type { Line } from "./lines.ts";
import type { PullRequest } from "./pull.ts";
import type { PushRequest, PushResponse } from "./push.ts";

/** A bearer token: first, where the connection was opened without one, and again before it expires (L4). */
export interface TokenMessage {
  readonly op: "token";
  readonly token: string;
}

/**
 * Adds subscriptions to those of the connection, which begin as in a pull: with a delta, or a copy. `client`, `schema` and
 * `known` mean what they mean there; the first message that names a client names that of the connection.
 */
export interface SubscribeMessage extends Omit<PullRequest, "wait" | "pages"> {
  readonly op: "subscribe";
  /** What the server may ask of this client: "verify" (Y15). */
  readonly able?: readonly string[];
}

/** What a replica found that was asked to verify itself. */
export interface VerifiedMessage {
  readonly op: "verified";
  /** Of the `verify` that asked for it. */
  readonly verify: number;
  /** Records that are held, and those that differed and were repaired; absent where it could not verify. */
  readonly found?: { readonly records: number; readonly differences: number; readonly copied: boolean };
  /** Why it could not. */
  readonly failure?: string;
}

/** Answered by `unsubscribed`; only then may a key be used again. */
export interface UnsubscribeMessage {
  readonly op: "unsubscribe";
  readonly keys: readonly string[];
}

/**
 * Brings all subscriptions of the connection to a revision after this message; answered also where nothing is new. Frames
 * may be on their way that were begun before it: the answer is the first whose `end` has this `pull`, or a later one.
 */
export interface PullMessage {
  readonly op: "pull";
  /** 1, 2, 3 … on each connection. */
  readonly pull: number;
}

/** Answered by `outcomes`, in the order of the pushes. */
export interface PushMessage extends PushRequest {
  readonly op: "push";
}

/** What a client may say on a live connection (L1), each a text frame of its own. */
export type LiveMessage =
  | TokenMessage
  | SubscribeMessage
  | UnsubscribeMessage
  | PullMessage
  | PushMessage
  | VerifiedMessage;

/** The answer to a push. The revision comes, with what it brought, in a frame before or after it. */
export interface OutcomesLine extends PushResponse {
  readonly op: "outcomes";
}

/** After the last frame that held these keys. */
export interface UnsubscribedLine {
  readonly op: "unsubscribed";
  readonly keys: readonly string[];
}

/** Asks a replica that is able to it to verify itself, and to say what it found (Y15). */
export interface VerifyLine {
  readonly op: "verify";
  readonly verify: number;
}

/** A message that was refused. `of` is what it was, where that could be read; where it is "connection", that ends. */
export interface LiveErrorLine {
  readonly op: "error";
  readonly of: LiveMessage["op"] | "message" | "connection";
  readonly problem: JsonObject;
}

/** What a server may say on a live connection: the lines of a pull, and answers. A frame is one line or several. */
export type LiveLine =
  | Exclude<Line, { readonly op: "error" | "page" }>
  | OutcomesLine
  | UnsubscribedLine
  | VerifyLine
  | LiveErrorLine;
