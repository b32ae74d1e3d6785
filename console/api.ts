// What the server answers, as the console reads it: each answer is checked here, once, at the edge.
import * as z from "zod/mini";

// Zod compiles schemas where it may; the page's policy forbids that, and a browser would report each attempt.
z.config({ jitless: true });

const revision = z.number();
const time = z.string();
const atoms = z.record(z.string(), z.unknown());
const author = z.object({ user: z.string(), client: z.string(), mutation: z.number() });
const horizon = z.object({ journal: revision, tombstones: revision });
const record = z.looseObject({ id: z.string() });

export const problem = z.object({ code: z.string(), detail: z.string(), retryAfter: z.optional(z.number()) });

export const spaces = z.object({
  spaces: z.array(z.object({ space: z.string(), revision, at: z.nullable(time) })),
  server: z.boolean(),
});

export const head = z.object({
  revision,
  cursor: z.string(),
  at: z.nullable(time),
  horizon,
  scopes: z.optional(z.record(z.string(), z.object({ count: z.number(), digest: z.string() }))),
  lastMutation: z.optional(z.number()),
});

const change = z.object({
  collection: z.string(),
  id: z.string(),
  before: z.nullable(atoms),
  after: z.nullable(atoms),
  erased: z.optional(z.string()),
});
const entry = z.object({
  revision,
  at: time,
  author: z.optional(author),
  changes: z.optional(z.array(change)),
  changed: z.optional(z.number()),
  hash: z.string(),
  cut: z.optional(z.boolean()),
});
export const journal = z.object({ entries: z.array(entry) });

const version = z.object({
  revision,
  at: time,
  author,
  before: z.nullable(atoms),
  after: z.nullable(atoms),
  record: z.nullable(record),
  erased: z.optional(z.boolean()),
});
export const history = z.object({ collection: z.string(), id: z.string(), versions: z.array(version) });

const scope = z.object({ scope: z.string(), since: revision, count: z.number(), digest: z.string() });
export const scopes = z.object({
  revision,
  total: z.number(),
  scopes: z.array(scope),
  next: z.nullable(z.string()),
});

export const records = z.object({
  revision,
  runs: z.array(z.object({ collection: z.string(), records: z.array(record) })),
  looked: z.number(),
  next: z.nullable(z.string()),
});

export const store = z.object({
  revision,
  at: z.nullable(time),
  horizon,
  collections: z.array(z.object({ collection: z.string(), count: z.number(), digest: z.string() })),
  retention: z.object({
    journal: z.nullable(z.number()),
    tombstones: z.nullable(z.number()),
    outcomes: z.nullable(z.number()),
  }),
  bytes: z.number(),
  disk: z.nullable(z.object({ free: z.number(), total: z.number() })),
});

const replica = z.object({
  user: z.string(),
  client: z.nullable(z.string()),
  how: z.enum(["live", "pull"]),
  subscriptions: z.array(z.object({ key: z.string(), scope: z.string(), filtered: z.boolean() })),
  subscribed: z.number(),
  tidemark: z.nullable(revision),
  at: time,
  slow: z.boolean(),
  connection: z.nullable(z.number()),
  able: z.boolean(),
  verification: z.nullable(
    z.object({
      asked: time,
      at: z.nullable(time),
      found: z.nullable(z.object({ records: z.number(), differences: z.number(), copied: z.boolean() })),
      failure: z.nullable(z.string()),
    }),
  ),
});
export const replicas = z.object({ revision, since: time, total: z.number(), replicas: z.array(replica) });

const lostWrite = z.object({
  number: z.number(),
  at: time,
  user: z.string(),
  client: z.string(),
  mutation: z.number(),
  status: z.enum(["superseded", "rejected"]),
  revision,
  base: revision,
  superseded: z.array(
    z.object({ collection: z.string(), id: z.string(), atoms: z.array(z.string()), reason: z.string() }),
  ),
  reason: z.nullable(z.object({ code: z.string(), message: z.string(), path: z.string() })),
  wanted: z.array(z.object({ op: z.string(), collection: z.string(), id: z.string(), atoms })),
});
export const lost = z.object({
  since: time,
  superseded: z.number(),
  rejected: z.number(),
  lost: z.array(lostWrite),
});

const linkState = z.enum(["running", "waiting", "crashing", "refused", "paused"]);
const linkStatus = {
  name: z.string(),
  configured: z.boolean(),
  url: z.string(),
  space: z.string(),
  scopes: z.array(z.string()),
  direction: z.string(),
  schedule: z.nullable(z.string()),
  state: linkState,
  cause: z.nullable(z.string()),
  since: time,
  history: z.array(z.object({ state: linkState, cause: z.nullable(z.string()), at: time })),
  revision,
  asOf: z.nullable(time),
  queued: z.number(),
  unsent: z.number(),
  aside: z.number(),
  conflicts: z.number(),
  held: z.number(),
};
export const links = z.object({ links: z.array(z.object(linkStatus)) });
export const linkDetails = z.object({
  ...linkStatus,
  conflictLog: z.array(
    z.object({
      number: z.number(),
      at: time,
      collection: z.string(),
      id: z.string(),
      op: z.string(),
      atoms,
      author: z.nullable(z.object({ user: z.string(), client: z.string() })),
      revision: z.nullable(revision),
      upstream: z.unknown(),
      reason: z.string(),
    }),
  ),
  asideLog: z.array(
    z.object({ collection: z.string(), id: z.string(), code: z.string(), message: z.string(), at: time }),
  ),
});
export const granted = z.object({
  links: z.array(
    z.object({
      link: z.string(),
      space: z.string(),
      scopes: z.array(z.string()),
      direction: z.string(),
      users: z.string(),
      since: time,
      revoked: z.nullable(time),
    }),
  ),
});

// What comes in. Times are unix milliseconds.

const runCounts = {
  read: z.number(),
  added: z.number(),
  changed: z.number(),
  unchanged: z.number(),
  fixed: z.number(),
  warned: z.number(),
  rejected: z.number(),
  waiting: z.number(),
  deleted: z.number(),
  bytes: z.number(),
};
const run = z.object({
  ...runCounts,
  run: z.number(),
  kind: z.string(),
  status: z.enum(["running", "done", "held", "failed", "interrupted"]),
  started: z.number(),
  ended: z.nullable(z.number()),
  held: z.number(),
  reasons: z.array(z.string()),
  attempts: z.number(),
});
const schedule = z.union([z.string(), z.object({ cron: z.string(), timeZone: z.optional(z.string()) })]);
const stream = z.object({
  stream: z.string(),
  collection: z.string(),
  deletes: z.string(),
  every: z.nullable(schedule),
  due: z.nullable(z.number()),
  state: z.object({ rows: z.number() }),
  last: z.nullable(run),
  quarantine: z.record(z.string(), z.number()),
});
export const streams = z.object({ streams: z.array(stream) });
export const runs = z.object({ runs: z.array(run) });

export const runLine = z.looseObject({
  op: z.string(),
  phase: z.optional(z.string()),
  read: z.optional(z.number()),
  rejected: z.optional(z.number()),
  run: z.optional(run),
  verification: z.optional(
    z.object({
      read: z.number(),
      same: z.number(),
      counts: z.record(z.string(), z.number()),
      whole: z.boolean(),
    }),
  ),
  problem: z.optional(problem),
});

const item = z.object({
  number: z.number(),
  status: z.enum(["open", "waiting", "fixed", "replayed", "superseded", "discarded"]),
  stage: z.string(),
  code: z.string(),
  path: z.string(),
  message: z.string(),
  flaws: z.array(z.object({ code: z.string(), path: z.string(), message: z.string() })),
  value: z.nullable(atoms),
  raw: z.optional(z.string()),
  position: z.string(),
  run: z.number(),
  firstSeen: z.number(),
  lastSeen: z.number(),
  times: z.number(),
  parent: z.optional(z.string()),
});
export const quarantine = z.object({ items: z.array(item), next: z.nullable(z.number()) });
export const settled = z.object({
  run: z.optional(z.nullable(run)),
  discarded: z.optional(z.number()),
});

const pair = z.object({
  a: z.string(),
  b: z.string(),
  score: z.number(),
  doubt: z.string(),
  entities: z.tuple([z.string(), z.string()]),
  evidence: z.array(z.object({ field: z.string(), similarity: z.number(), bits: z.number() })),
});
export const pairs = z.object({ pairs: z.array(pair) });

const warehouse = z.object({
  name: z.string(),
  kind: z.string(),
  mode: z.string(),
  schedule: z.nullable(schedule),
  due: z.nullable(z.number()),
  syncing: z.boolean(),
  last: z.nullable(
    z.object({
      at: z.number(),
      revision,
      taken: z.number(),
      rebuilt: z.array(z.string()),
      paused: z.record(z.string(), z.object({ atom: z.string(), from: z.string(), to: z.string(), id: z.string() })),
    }),
  ),
  failure: z.nullable(z.object({ at: z.number(), cause: z.string() })),
});
export const warehouses = z.object({ warehouses: z.array(warehouse) });

export const linkReport = z.object({
  report: z.nullable(
    z.object({
      subscriptions: z.array(z.object({ count: z.number(), differences: z.array(z.unknown()) })),
      own: z.array(z.unknown()),
    }),
  ),
});

export const asked = z.object({ asked: z.boolean() });

/** What an order to a link answers differs by the order; it is shown as it came. */
export const anything = z.record(z.string(), z.unknown());

export const outcomes = z.object({
  outcomes: z.array(z.object({ status: z.string(), message: z.optional(z.string()) })),
});

export type Spaces = z.infer<typeof spaces>;
export type Head = z.infer<typeof head>;
export type Entry = z.infer<typeof entry>;
export type Change = z.infer<typeof change>;
export type History = z.infer<typeof history>;
export type Version = z.infer<typeof version>;
export type Scope = z.infer<typeof scope>;
export type RecordData = z.infer<typeof record>;
export type Store = z.infer<typeof store>;
export type Replica = z.infer<typeof replica>;
export type Replicas = z.infer<typeof replicas>;
export type LostWrite = z.infer<typeof lostWrite>;
export type Lost = z.infer<typeof lost>;
export type Link = z.infer<typeof links>["links"][number];
export type LinkDetails = z.infer<typeof linkDetails>;
export type Stream = z.infer<typeof stream>;
export type Run = z.infer<typeof run>;
export type RunLine = z.infer<typeof runLine>;
export type Item = z.infer<typeof item>;
export type Pair = z.infer<typeof pair>;
export type Warehouse = z.infer<typeof warehouse>;
export type Granted = z.infer<typeof granted>["links"][number];
export type Atoms = z.infer<typeof atoms>;
