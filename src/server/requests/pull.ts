import { z } from "zod";
import { type Filter, filterFlaw } from "../../model/filter.ts";
import { valueFlaw } from "../../model/names.ts";
import { isObject } from "../../util/json.ts";
import type { Limits } from "../../wire/limits.ts";
import { Problem } from "../../wire/problem.ts";
import type { PullRequest, SubscriptionRequest } from "../../wire/pull.ts";
import { checkCount, cursor, id, name, parsed, schemaVersion, subscribed } from "./parts.ts";

/** A filter is compared with atoms, so that what no atom can hold has no place in it. */
const FILTER_DEPTH = 32;

const where = z.custom<Filter>().superRefine((filter, context) => {
  const flaw = filterFlaw(filter) ?? valueFlaw(filter, { depth: FILTER_DEPTH });
  if (flaw === null) return;
  const path = flaw.path.split(".").filter((part) => part !== "");
  context.addIssue({ code: "custom", message: flaw.reason, path });
});

/** It becomes the name of a member of the answer. */
export const key = id.refine((text) => !["__proto__", "constructor", "prototype"].includes(text), {
  error: "this key is reserved",
});

export const subscription: z.ZodType<SubscriptionRequest> = z.object({
  scope: subscribed,
  cursor: cursor.nullish(),
  key: key.optional(),
  collections: z.array(name).min(1).max(1_000).optional(),
  where: where.optional(),
  fingerprint: z.boolean().optional(),
});

export const pullBody: z.ZodType<PullRequest> = z.object({
  client: id.optional(),
  subscriptions: z.array(subscription),
  wait: z.number().nonnegative().optional(),
  pages: z.boolean().optional(),
  authors: z.boolean().optional(),
  schema: schemaVersion,
  known: z.array(cursor).optional(),
});

export function pullRequest(body: unknown, limits: Omit<Limits, "rate">): PullRequest {
  if (isObject(body)) {
    checkCount(body.subscriptions, limits.subscriptions, "subscriptions", "subscriptions of a replica");
    checkCount(body.known, limits.known, "known", "past cursors");
  }
  const request = parsed(pullBody, body);
  if ((request.wait ?? 0) > limits.wait) {
    throw new Problem("invalid", `a pull waits at most ${limits.wait} seconds`, { path: "wait" });
  }
  checkKeys(request.subscriptions, "subscriptions");
  return request;
}

/** What the replica calls each subscription by is unique. */
export function checkKeys(subscriptions: readonly SubscriptionRequest[], path: string): void {
  const keys = new Set<string>();
  for (const [i, { key, scope: fallback }] of subscriptions.entries()) {
    const own = key ?? fallback;
    if (keys.has(own))
      throw new Problem("invalid", "two subscriptions have the same key", { path: `${path}[${i}].key` });
    keys.add(own);
  }
}
