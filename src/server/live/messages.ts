import { z } from "zod";
import { isObject } from "../../util/json.ts";
import type {
  LiveMessage,
  PullMessage,
  PushMessage,
  TokenMessage,
  UnsubscribeMessage,
  VerifiedMessage,
} from "../../wire/live.ts";
import { Problem } from "../../wire/problem.ts";
import type { PullRequest } from "../../wire/pull.ts";
import type { Settings } from "../config.ts";
import { checkCount, parsed } from "../requests/parts.ts";
import { key, pullRequest } from "../requests/pull.ts";
import { pushRequest } from "../requests/push.ts";
import type { Route } from "../routes.ts";

type Op = LiveMessage["op"];

/** What each message asks `authorize`, as a route does (A3). All there are stand here, so that none can forget to ask. */
export const messages: { readonly [O in Op]: Pick<Route, "asks" | "scopes"> } = {
  token: { asks: "nothing" },
  subscribe: { asks: "scopes", scopes: "read" },
  unsubscribe: { asks: "nothing" },
  pull: { asks: "scopes", scopes: "read" },
  push: { asks: "head", scopes: "write" },
  verified: { asks: "head" },
};

/** A message that is well formed; `subscribe` as the pull that it begins with. */
export type Message =
  | TokenMessage
  | { readonly op: "subscribe"; readonly request: PullRequest; readonly able: readonly string[] }
  | UnsubscribeMessage
  | PullMessage
  | PushMessage
  | VerifiedMessage;

/** What a message is, or null where it does not say. */
export function opOf(value: unknown): Op | null {
  const op = isObject(value) ? value.op : undefined;
  return typeof op === "string" && Object.hasOwn(messages, op) ? (op as Op) : null;
}

// A token of 16 KiB is longer than any header may be.
const token = z.object({ op: z.literal("token"), token: z.string().max(16_384) });
const pull = z.object({ op: z.literal("pull"), pull: z.int().positive() });
const verified: z.ZodType<VerifiedMessage> = z.object({
  op: z.literal("verified"),
  verify: z.int().positive(),
  found: z
    .object({ records: z.int().nonnegative(), differences: z.int().nonnegative(), copied: z.boolean() })
    .optional(),
  failure: z.string().max(1_024).optional(),
}) as z.ZodType<VerifiedMessage>;
const able = z.object({ able: z.array(z.string().max(64)).max(16).default([]) });
const unsubscribe = z.object({ op: z.literal("unsubscribe"), keys: z.array(key) });

/** Throws `invalid` with the path of what is wrong. */
export function messageOf(op: Op, value: unknown, limits: Settings["limits"]): Message {
  switch (op) {
    case "token":
      return parsed(token, value);
    case "subscribe":
      return { op, request: pullRequest(value, limits), ...parsed(able, value) };
    case "unsubscribe":
      if (isObject(value)) checkCount(value.keys, limits.subscriptions, "keys", "keys of subscriptions");
      return parsed(unsubscribe, value);
    case "pull":
      return parsed(pull, value);
    case "push":
      return { op, ...pushRequest(value, limits) };
    case "verified":
      return parsed(verified, value);
  }
}

export function unknownOp(): Problem {
  return new Problem("invalid", `a message is an object whose op is one of ${Object.keys(messages).join(", ")}`, {
    path: "op",
  });
}
