import { z } from "zod";

/** The forms of answers, as they are described (H17); the types are those of `messages.ts`. */

const count = z.int().min(0);
const time = z.number().meta({ description: "Unix milliseconds." });
const text = z.string();
const texts = z.array(text);
const json = z.unknown();
const object = z.record(text, json);
const key = texts.meta({ description: "The source's key, part by part." });

export const run = z
  .object({
    run: count,
    kind: z.enum(["incremental", "complete", "backfill", "replay"]),
    status: z.enum(["running", "done", "held", "failed", "interrupted"]),
    started: time,
    ended: time.nullable(),
    cursorBefore: json,
    cursorAfter: json,
    version: text.meta({ description: "Of the rules." }),
    read: count,
    added: count,
    changed: count,
    unchanged: count,
    fixed: count,
    warned: count,
    rejected: count,
    waiting: count,
    deleted: count,
    stale: count,
    suppressed: count,
    overwrote: count,
    bytes: count,
    held: count,
    reasons: texts,
    attempts: count,
  })
  .meta({ description: "What a run did." });

const schedule = z.union([text, z.object({ cron: text, timeZone: text.optional() })]);

export const streams = z.object({
  streams: z.array(
    z.object({
      stream: text,
      collection: text,
      deletes: z.enum(["reported", "by-complete-pass", "unknown"]),
      every: schedule.nullable(),
      due: time.nullable(),
      state: z.looseObject({ cursor: json, rows: count, started: time.nullable(), succeeded: time.nullable() }),
      last: run.nullable(),
      quarantine: z.record(text, count).meta({ description: "Items that are not settled, by code." }),
    }),
  ),
});

export const lifted = z.object({ lifted: count });

export const runs = z.object({ runs: z.array(run) });

const flaw = z.object({ code: text, path: text, message: text, level: z.enum(["reject", "warn"]) });

export const item = z
  .object({
    number: count,
    status: z.enum(["open", "waiting", "fixed", "replayed", "superseded", "discarded"]),
    key: key.nullable(),
    name: text,
    stage: z.enum(["parse", "check", "match", "commit"]),
    code: text,
    path: text,
    message: text,
    flaws: z.array(flaw),
    value: object.nullable(),
    raw: text.optional(),
    position: text,
    at: text.nullable(),
    run: count,
    seq: count,
    version: text,
    firstSeen: time,
    lastSeen: time,
    times: count,
    digest: text,
    parent: text.optional(),
    override: z.record(text, z.object({ was: json, now: json })).optional(),
  })
  .meta({ description: "A record that could not be taken, and why." });

export const items = z.object({ items: z.array(item), next: count.nullable() });

export const settled = z.union([z.object({ run: run.nullable() }), z.object({ discarded: count })]);

const difference = z.object({
  kind: z.enum(["missing", "gone", "different", "quarantine"]),
  key: key.nullable(),
  id: text.nullable(),
  position: text.nullable(),
  atoms: z.record(text, z.object({ source: json, here: json })).optional(),
  code: text.optional(),
  message: text.optional(),
  item: count.optional(),
});

const verification = z.object({
  stream: text,
  read: count,
  same: count,
  counts: z.object({ missing: count, gone: count, different: count, quarantine: count }),
  whole: z.boolean(),
  differences: z.array(difference),
});

const error = z.object({ op: z.literal("error"), problem: z.looseObject({ code: text, detail: text }) });

export const orderLines = z.union([
  z.object({
    op: z.literal("progress"),
    phase: z.enum(["reading", "committing", "verifying"]),
    read: count,
    rejected: count,
  }),
  z.object({ op: z.literal("run"), run }),
  z.object({ op: z.literal("verification"), verification }),
  error,
]);

export const lineage = z.object({
  values: z.array(
    z.object({
      atom: text,
      value: json,
      revision: count,
      author: z.object({ user: text, client: text }).nullable(),
      from: z
        .object({ source: text, stream: text, key, run: count, position: text, version: text })
        .nullable()
        .meta({ description: "The source record that holds it." }),
    }),
  ),
});

export const pairs = z.object({
  pairs: z.array(
    z.looseObject({
      a: text,
      b: text,
      entities: z.array(text).length(2),
      score: z.number(),
      doubt: text,
      evidence: z.array(z.looseObject({ field: text, similarity: z.number() })),
    }),
  ),
});

export const shown = z.object({
  entity: z.looseObject({ id: text, members: texts, record: object, from: z.record(text, texts) }),
  members: z.array(z.looseObject({ key: text, entity: text })),
});

export const decision = z.object({ records: texts, revision: count });

export const differenceLines = z.union([
  z.object({ op: z.literal("record"), id: text, differences: z.array(z.looseObject({ atom: text })) }),
  z.object({ op: z.literal("end") }),
  error,
]);
