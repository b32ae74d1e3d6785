import { z } from "zod";
import { compareKeys, type KeyRange } from "../../model/record.ts";
import { isObject } from "../../util/json.ts";
import type { Limits } from "../../wire/limits.ts";
import { Problem } from "../../wire/problem.ts";
import type { VerifyRequest } from "../../wire/verify.ts";
import { checkCount, id, parsed, schemaVersion } from "./parts.ts";
import { checkKeys, subscription } from "./pull.ts";

/** A key, or any text between two keys: ranges may be cut anywhere. */
const bound = z.string().max(512).nullable();

export const verifyBody: z.ZodType<VerifyRequest> = z.object({
  client: id.optional(),
  schema: schemaVersion,
  authors: z.boolean().optional(),
  subscription,
  others: z.array(subscription).optional(),
  ranges: z.array(z.object({ from: bound, to: bound })),
  fanout: z.int().min(2).optional(),
  leaf: z.int().min(0).optional(),
});

export interface Verify extends VerifyRequest {
  readonly fanout: number;
  readonly leaf: number;
}

const FANOUT = 16;
const LEAF = 64;

export function verifyRequest(body: unknown, limits: Omit<Limits, "rate">): Verify {
  if (isObject(body)) {
    checkCount(body.others, limits.subscriptions - 1, "others", "other subscriptions of a replica");
    checkCount(body.ranges, limits.ranges, "ranges", "ranges of a verify");
  }
  const request = parsed(verifyBody, body);
  const { fanout = Math.min(FANOUT, limits.fanout), leaf = Math.min(LEAF, limits.leaf) } = request;
  if (fanout > limits.fanout)
    throw new Problem("invalid", `the fanout is at most ${limits.fanout}`, { path: "fanout" });
  if (leaf > limits.leaf) throw new Problem("invalid", `a leaf has at most ${limits.leaf} records`, { path: "leaf" });
  if (request.ranges.length * leaf > limits.verified) {
    const detail = `ranges × leaf is at most ${limits.verified}: ask for fewer ranges at once`;
    throw new Problem("too-large", detail, { path: "ranges" });
  }
  checkKeys([request.subscription, ...(request.others ?? [])], "others");
  checkDisjoint(request.ranges);
  // Parts of all ranges together, each of up to `leaf` records, stay below the limit too.
  const parts = Math.max(2, Math.floor(limits.verified / Math.max(1, request.ranges.length * leaf)));
  return { ...request, fanout: Math.min(fanout, parts), leaf };
}

function checkDisjoint(ranges: readonly KeyRange[]): void {
  const sorted = [...ranges.entries()].sort(([, a], [, b]) => compareKeys(a.from ?? "", b.from ?? ""));
  let end: string | null = "";
  for (const [i, { from, to }] of sorted) {
    const empty = to !== null && compareKeys(from ?? "", to) >= 0;
    if (empty) throw new Problem("invalid", "a range begins before it ends", { path: `ranges[${i}]` });
    if (end === null || compareKeys(from ?? "", end) < 0) {
      throw new Problem("invalid", "ranges do not overlap", { path: `ranges[${i}]` });
    }
    end = to;
  }
}
