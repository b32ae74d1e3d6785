import { join } from "node:path";
import { pipelineOf } from "../../src/ingest/clean/pipeline.ts";
import {
  check,
  clean,
  collapseSpace,
  date,
  email,
  files,
  Ingest,
  matching,
  number,
  range,
  required,
  trim,
} from "../../src/ingest/index.ts";
import { PUSH_LIMITS } from "../../src/model/push.ts";
import { UNDECLARED } from "../../src/model/schema.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { systemRandom } from "../../src/util/random.ts";
import { toHex } from "../../src/util/sha256.ts";
import { peakMemory } from "../measure.ts";

/** What one process found. */
export interface Figures {
  /** Milliseconds of wall time and of processor time. */
  readonly ms: number;
  readonly cpu: number;
  /** Of `ms`, until all was read, cleaned and judged; null where nothing is committed. */
  readonly reading: number | null;
  readonly taken: number;
  readonly rejected: number;
  /** MiB of resident memory at most. */
  readonly memory: number | null;
}

/**
 * One process for one figure: `worker.ts WORK FILE FOLDER`.
 *
 * - `clean`: read, parse, normalise, check; nothing is kept.
 * - `all`: a run of ingest into a store in the folder, each record under its own id.
 * - `match`: the same, with duplicates found by key and survivorship.
 */
const [work = "", file = "", folder = ""] = process.argv.slice(2);

const source = files({ name: "crm", stream: "people", path: file, key: ["id"] });
const [stream] = source.streams;
if (stream === undefined) throw new Error("the source has a stream");
const people = clean(stream, {
  collection: "people",
  normalise: {
    "*": [trim(), collapseSpace()],
    email: email(),
    born: date(["dd.MM.yyyy"]),
    visits: number(),
  },
  check: [
    required("name", "email"),
    range("born", { min: "1900-01-01", max: "2026-12-31" }),
    check("visits", ({ visits }) => Number(visits) >= 0 || "visits are counted from 0", { path: "visits" }),
  ],
  ...(work === "match" && { match: matching({ exact: ["email"], fields: { name: "name", email: "email" } }) }),
});

const figures = work === "clean" ? await cleaned() : await run();
process.send?.(figures);

async function cleaned(): Promise<Figures> {
  const pipeline = pipelineOf(people);
  const context = { source: "crm", stream: "people" };
  const never = async (): Promise<Response> => {
    throw new Error("a file asks no network");
  };
  let taken = 0;
  let rejected = 0;
  const watch = watched();
  const reading = { cursor: null, http: never, signal: new AbortController().signal, now: () => 0 };
  for await (const { changes } of people.stream.read(reading)) {
    for (const change of changes) {
      const flaws =
        change.op === "put"
          ? pipeline(change.key, change.value, { ...context, position: change.position }).flaws
          : null;
      if (flaws?.length === 0) taken++;
      else rejected++;
    }
  }
  return { ...watch(), reading: null, taken, rejected, memory: peakMemory() };
}

async function run(): Promise<Figures> {
  const store = openSqliteStore({ path: join(folder, "data") });
  const rules = (space: string) => ({
    space,
    collections: UNDECLARED,
    authorize: () => true,
    limits: PUSH_LIMITS,
    now: Date.now(),
    salt: () => toHex(systemRandom.bytes(16)),
  });
  const ingest = new Ingest({ store, folder: join(folder, "data"), rules }, { main: [{ source, streams: [people] }] });
  let reading: number | null = null;
  const watch = watched();
  const row = await ingest.run("main", "crm.people", {
    progress: (_, phase) => {
      if (phase === "committing") reading ??= watch().ms;
    },
  });
  const time = watch();
  if (row.status !== "done") throw new Error(`${row.status}: ${row.reasons.join("; ")}`);
  await store.close();
  return { ...time, reading, taken: row.added, rejected: row.rejected, memory: peakMemory() };
}

function watched(): () => { ms: number; cpu: number } {
  const start = performance.now();
  const cpu = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return { ms: performance.now() - start, cpu: (user + system) / 1_000 };
  };
}
