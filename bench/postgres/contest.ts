import { markdown, numberText } from "../figures.ts";
import { spread } from "../measure.ts";
import { type Outcome, outcomeOf } from "../peers/contest.ts";
import { SYSTEMS, type System } from "../peers/systems.ts";
import { CHANGED, PENDING, TIMES, type Work } from "../peers/work.ts";

/** Beside the peer that uses PostgreSQL: both follow a table that SQL writes, and nothing else. */

const OURS: System = {
  name: "tidemark-postgres",
  title: "Tidemark on PostgreSQL",
  packages: [],
  writes: 300,
  setting: "an adopted table, followed by logical replication",
  durable: "each mutation's outcome has come, and the row is in the table; fsync on",
  live: "live connections; the writer is SQL `UPDATE`s to PostgreSQL",
};

const RECORDS = 100_000;

export interface Contest {
  readonly ours: Outcome;
  readonly zero: Outcome;
}

export async function contest(runs: number): Promise<Contest> {
  const zero = SYSTEMS.find(({ name }) => name === "zero");
  if (zero === undefined) throw new Error("Zero is not among the peers");
  const outcome = (system: System) =>
    outcomeOf(system, {
      records: RECORDS,
      runs,
      parts: ["replicas", "live"],
      say: (text) => process.stderr.write(`${system.title}: ${text}\n`),
    });
  return { ours: await outcome(OURS), zero: await outcome(zero) };
}

const WORKS: readonly (readonly [work: string, unit: string, of: (outcome: Outcome) => readonly number[]])[] = [
  ["copy of 100,000 records into memory, in a fresh process", "ms", sampled("copy")],
  [`catch-up: ${TIMES} SQL transactions of ${CHANGED.toLocaleString("en-US")} \`UPDATE\`s`, "ms", sampled("catchup")],
  [`${PENDING.toLocaleString("en-US")} pending mutations until they are in the table`, "ms", sampled("push")],
  ["nothing new", "ms", sampled("nothing")],
  ["from an `UPDATE` to the last of 100 live replicas, p50", "ms", ({ live }) => live.map(({ last }) => last.p50)],
  ["from an `UPDATE` to the last of 100 live replicas, p99", "ms", ({ live }) => live.map(({ last }) => last.p99)],
];

function sampled(wanted: Work): (outcome: Outcome) => readonly number[] {
  return ({ samples }) => samples.filter(({ work }) => work === wanted).map(({ ms }) => ms);
}

export function contestTable({ ours, zero }: Contest): string {
  const rows = WORKS.map(([work, unit, of]) => {
    const [mine, theirs] = [of(ours), of(zero)].map((values) => (values.length === 0 ? null : spread(values)));
    const text = (one: ReturnType<typeof spread> | null | undefined) =>
      one ? `${numberText(one.median)} (${numberText(one.least)}–${numberText(one.most)}) ${unit}` : "–";
    const times = mine && theirs ? `${numberText(theirs.median / mine.median)}×` : "–";
    return [work, text(mine), text(theirs), times];
  });
  const failures = [ours, zero].flatMap(({ name, failure, liveFailure }) =>
    [failure, liveFailure].flatMap((reason) => (reason === null ? [] : [`\n- ${name} failed: ${reason}`])),
  );
  const zeroIs = `Zero (${zero.versions})`;
  return `${markdown(["work", "Tidemark", zeroIs, "Zero beside Tidemark"], rows)}\n${failures.join("")}`.trimEnd();
}
