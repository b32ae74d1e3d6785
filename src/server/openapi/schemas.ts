import { z } from "zod";
import { PROBLEMS, type ProblemCode } from "../../wire/problem.ts";

/** The forms of answers, as they are described; the types are those of `wire/`. */

const revision = z
  .int()
  .min(0)
  .meta({ description: "The number of a transaction in its space; 0 is the empty space." });
const time = z.string().meta({ format: "date-time" });
const digest = z.string().regex(/^[0-9a-f]+$/);
const object = z.record(z.string(), z.unknown());
const record = z.looseObject({ id: z.string() }).meta({ description: "The id and the atoms of a record." });
const author = z.object({ user: z.string(), client: z.string(), mutation: z.int() });
const origin = z
  .array(
    z.object({
      server: z.string().optional(),
      revision,
      user: z.string(),
      client: z.string(),
      mutation: z.int().optional(),
      atoms: z.array(z.string()).optional(),
    }),
  )
  .meta({ description: "Who wrote it on the server where it was written first; without `atoms`, all others." });
/** Of lines for whom asks for `authors` and may know them. */
const authored = {
  authors: z.array(z.array(z.string()).min(2).max(3)).optional(),
  by: z.array(z.array(z.array(z.union([z.int(), z.string()])))).optional(),
};

export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]),
    detail: z.string().meta({ description: "Cause and cure." }),
    path: z.string().optional(),
    lastMutation: z.int().optional(),
    id: z.int().optional(),
    retryAfter: z.int().optional(),
  })
  .meta({ description: "RFC 9457 problem details." });

export const head = z.object({
  space: z.string(),
  revision,
  cursor: z.string(),
  at: time.nullable(),
  horizon: z.object({ journal: revision, tombstones: revision }),
  scopes: z.record(z.string(), z.object({ count: z.int(), digest })).optional(),
  lastMutation: z.int().optional(),
  path: z.array(z.string()).optional(),
  signature: z.string().optional(),
  behind: z.object({ records: z.int(), advice: z.enum(["current", "delta", "copy"]) }).optional(),
});

export const journal = z.object({
  entries: z.array(
    z.object({
      revision,
      at: time,
      author: author.optional(),
      changes: z
        .array(
          z.object({
            collection: z.string(),
            id: z.string(),
            before: object.nullable(),
            after: object.nullable(),
            operators: object.optional(),
            origin: origin.optional(),
            salt: z.string(),
            erased: z.string().optional(),
          }),
        )
        .optional(),
      changed: z.int().optional(),
      hash: digest,
      cut: z.literal(true).optional(),
    }),
  ),
});

export const history = z.object({
  collection: z.string(),
  id: z.string(),
  versions: z.array(
    z.object({
      revision,
      at: time,
      author,
      origin: origin.optional(),
      before: object.nullable(),
      after: object.nullable(),
      record: object.nullable(),
      erased: z.literal(true).optional(),
    }),
  ),
});

export const pushed = z.object({
  revision,
  lastMutation: z.int(),
  outcomes: z.array(
    z.discriminatedUnion("status", [
      z.object({ id: z.int(), status: z.literal("applied"), revision }),
      z.object({
        id: z.int(),
        status: z.literal("superseded"),
        revision,
        superseded: z.array(
          z.object({
            collection: z.string(),
            id: z.string(),
            atoms: z.array(z.string()),
            reason: z.enum(["newer", "missing", "exists", "created", "changed", "expect"]),
          }),
        ),
      }),
      z.object({
        id: z.int(),
        status: z.literal("rejected"),
        revision,
        code: z.string(),
        message: z.string(),
        path: z.string(),
      }),
      z.object({ id: z.int(), status: z.literal("unknown"), revision }),
    ]),
  ),
});

export const cut = z.object({ removed: z.int(), horizon: z.object({ journal: revision, tombstones: revision }) });

export const erased = z.object({
  collection: z.string(),
  id: z.string(),
  order: z.string(),
  revision,
  removed: z.array(z.object({ place: z.string(), count: z.int() })),
});

const subscriptionEnd = z.object({
  cursor: z.string().optional(),
  count: z.int().optional(),
  digest: digest.optional(),
});
const failed = z.object({ op: z.literal("error"), problem: object });
const begin = z.object({
  op: z.literal("begin"),
  space: z.string(),
  revision,
  principal: z.string(),
  authors: z.literal(true).optional(),
});
const end = z.object({
  op: z.literal("end"),
  revision,
  subscriptions: z.record(z.string(), subscriptionEnd),
  lastMutation: z.int().optional(),
});
const collection = z.string();
const subscription = z.object({
  op: z.literal("subscription"),
  key: z.string(),
  mode: z.enum(["delta", "copy"]),
  since: revision.optional(),
  reached: revision.optional(),
  from: z.string().nullable().optional(),
  reason: z.enum(["new", "expired", "diverged", "changed"]).optional(),
  total: z.int().optional(),
  common: revision.optional(),
  restore: z.enum(["heal", "discard"]).optional(),
});
const changes = [
  begin,
  subscription,
  z.object({ op: z.literal("put"), collection, at: revision, records: z.array(record), ...authored }),
  z.object({ op: z.literal("patch"), collection, at: revision, records: z.array(record), ...authored }),
  z.object({
    op: z.literal("remove"),
    collection,
    at: revision,
    erased: z.literal(true).optional(),
    ids: z.array(z.string()),
    ...authored,
  }),
  z.object({ op: z.literal("mark"), key: z.string(), cursor: z.string() }),
  z.object({ op: z.literal("revoked"), key: z.string() }),
] as const;

export const pulled = z.discriminatedUnion("op", [
  ...changes,
  z.object({ op: z.literal("page"), digest, at: revision, href: z.string() }),
  end,
  failed,
]);

export const verified = z.discriminatedUnion("op", [
  ...changes,
  z.object({
    op: z.literal("range"),
    from: z.string().nullable(),
    to: z.string().nullable(),
    count: z.int(),
    digest,
    records: z.array(z.tuple([z.string(), record])).optional(),
    ...authored,
  }),
  end,
  failed,
]);

export const put = z.object({ op: z.literal("put"), collection, records: z.array(record) });

const linkState = z.enum(["running", "waiting", "crashing", "refused", "paused"]);
const link = z.object({
  name: z.string(),
  configured: z.boolean(),
  url: z.string(),
  space: z.string(),
  scopes: z.array(z.string()),
  direction: z.enum(["pull", "both"]),
  schedule: z.string().nullable(),
  state: linkState,
  cause: z.string().nullable(),
  since: time,
  history: z.array(z.object({ state: linkState, cause: z.string().nullable(), at: time })),
  revision,
  asOf: time.nullable(),
  queued: z.int(),
  unsent: z.int(),
  aside: z.int(),
  conflicts: z.int(),
  held: z.int(),
  authors: z.boolean().nullable(),
  path: z.array(z.string()),
});

export const links = z.object({ links: z.array(link) });
export const linkDetails = link.extend({
  conflictLog: z.array(
    z.object({
      number: z.int(),
      at: time,
      collection,
      id: z.string(),
      op: z.enum(["insert", "update", "delete"]),
      atoms: object,
      author: z.object({ user: z.string(), client: z.string() }).nullable(),
      revision: revision.nullable(),
      upstream: z.unknown(),
      reason: z.string(),
    }),
  ),
  asideLog: z.array(z.object({ collection, id: z.string(), code: z.string(), message: z.string(), at: time })),
});
