import { z } from "zod";

/** The forms of what administrators are told, as they are described; the types are those of `wire/admin.ts`. */

const revision = z.int().min(0);
const time = z.string().meta({ format: "date-time" });
const digest = z.string().regex(/^[0-9a-f]+$/);
const object = z.record(z.string(), z.unknown());

export const spaces = z.object({
  spaces: z.array(z.object({ space: z.string(), revision, at: time.nullable() })),
  server: z.boolean(),
});

export const scopes = z.object({
  revision,
  total: z.int(),
  scopes: z.array(z.object({ scope: z.string(), since: revision, count: z.int(), digest })),
  next: z.string().nullable(),
});

export const records = z.object({
  revision,
  runs: z.array(z.object({ collection: z.string(), records: z.array(z.looseObject({ id: z.string() })) })),
  looked: z.int(),
  next: z.string().nullable(),
});

const age = z.number().nullable().meta({ description: "Milliseconds; null: for ever." });

export const store = z.object({
  space: z.string(),
  revision,
  at: time.nullable(),
  horizon: z.object({ journal: revision, tombstones: revision }),
  collections: z.array(z.object({ collection: z.string(), count: z.int(), digest })),
  retention: z.object({ journal: age, tombstones: age, outcomes: age }),
  bytes: z.int(),
  disk: z.object({ free: z.int(), total: z.int() }).nullable(),
});

export const replicas = z.object({
  revision,
  since: time,
  total: z.int(),
  replicas: z.array(
    z.object({
      user: z.string(),
      client: z.string().nullable(),
      how: z.enum(["live", "pull"]),
      subscriptions: z.array(z.object({ key: z.string(), scope: z.string(), filtered: z.boolean() })),
      subscribed: z.int(),
      tidemark: revision.nullable(),
      at: time,
      slow: z.boolean(),
      connection: z.int().nullable(),
      able: z.boolean(),
      verification: z
        .object({
          asked: time,
          at: time.nullable(),
          found: z.object({ records: z.int(), differences: z.int(), copied: z.boolean() }).nullable(),
          failure: z.string().nullable(),
        })
        .nullable(),
    }),
  ),
});

export const asked = z.object({ asked: z.literal(true) });

export const lost = z.object({
  since: time,
  superseded: z.int(),
  rejected: z.int(),
  lost: z.array(
    z.object({
      number: z.int(),
      at: time,
      user: z.string(),
      client: z.string(),
      mutation: z.int(),
      status: z.enum(["superseded", "rejected"]),
      revision,
      base: revision,
      superseded: z.array(
        z.object({ collection: z.string(), id: z.string(), atoms: z.array(z.string()), reason: z.string() }),
      ),
      reason: z.object({ code: z.string(), message: z.string(), path: z.string() }).nullable(),
      wanted: z.array(z.object({ op: z.string(), collection: z.string(), id: z.string(), atoms: object })),
    }),
  ),
});
