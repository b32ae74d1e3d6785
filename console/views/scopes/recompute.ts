// Verifying a scope as a replica would: its fingerprint, and that of its records, as of one revision.
import * as z from "zod/mini";
import { head } from "../../api.ts";
import { AskError, ask, askLines, inSpace } from "../../ask.ts";

export interface Sum {
  readonly count: number;
  readonly digest: string;
}

const line = z.looseObject({ op: z.string() });
const range = z.object({ op: z.literal("range"), count: z.number(), digest: z.string() });
const end = z.object({
  op: z.literal("end"),
  revision: z.number(),
  subscriptions: z.record(z.string(), z.object({ count: z.optional(z.number()), digest: z.optional(z.string()) })),
});

export async function recompute(space: string, scope: string): Promise<{ kept: Sum; sum: Sum; revision: number }> {
  const { cursor } = await ask(inSpace(space, "", { scope }), head);
  const body = { subscription: { scope, cursor }, ranges: [{ from: null, to: null }], fanout: 2, leaf: 0 };
  const lines = await askLines(inSpace(space, "/verify"), line, { body });
  const parts = lines.flatMap((each) => (each.op === "range" ? [range.parse(each)] : []));
  const last = end.safeParse(lines.at(-1));
  const told = last.success ? last.data.subscriptions[scope] : undefined;
  if (!last.success || told?.count === undefined || told.digest === undefined)
    throw new AskError("foreign", "The answer of the server has no end: try again.");
  return {
    kept: { count: told.count, digest: told.digest },
    sum: { count: parts.reduce((all, part) => all + part.count, 0), digest: sumOf(parts.map((part) => part.digest)) },
    revision: last.data.revision,
  };
}

/** The digest of a set is the sum of those of its parts, lane by lane modulo 2^32. */
export function sumOf(digests: readonly string[]): string {
  return [0, 1, 2, 3]
    .map((lane) =>
      digests.reduce((sum, digest) => (sum + Number.parseInt(digest.slice(lane * 8, lane * 8 + 8), 16)) >>> 0, 0),
    )
    .map((sum) => sum.toString(16).padStart(8, "0"))
    .join("");
}
