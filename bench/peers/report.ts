import { markdown, numberText } from "../figures.ts";
import { type Spread, spread } from "../measure.ts";
import type { Outcome } from "./contest.ts";
import { LIVE_TITLE, liveTable } from "./live/report.ts";
import { SUBSCRIBERS } from "./live/work.ts";
import { SYSTEMS } from "./systems.ts";
import { CHANGED, PENDING, TIMES, WORKS, type Work } from "./work.ts";

/** What a run of the comparison says: tables from raw results. */

export interface Result {
  readonly node: string;
  readonly machine: string;
  readonly records: number;
  readonly runs: number;
  readonly systems: readonly Outcome[];
}

export interface Line {
  readonly name: string;
  readonly title: string;
  readonly ms: Spread | null;
  /** Null where this or the other was not measured. */
  readonly toTidemark: number | null;
  readonly toFloor: number | null;
  /** Medians, in bytes. */
  readonly down: number | null;
  readonly up: number | null;
  /** How many records the replica holds. */
  readonly records: number;
  readonly note: string;
}

const count = (n: number): string => n.toLocaleString("en");

export function titleOf(work: Work, records: number): string {
  const titles: { readonly [work in Work]: string } = {
    copy: `W1 · copy of ${count(records)} records into memory`,
    catchup: `W2 · catch-up: ${count(CHANGED * TIMES)} changes on ${count(CHANGED)} records`,
    push: `W3 · ${count(PENDING)} pending mutations until durable`,
    nothing: "W5 · nothing new",
  };
  return titles[work];
}

/** Floor and Tidemark first, then the others from fast to slow, then those that have no figure. */
export function linesOf(result: Result, work: Work): Line[] {
  const [floor, tidemark] = ["floor", "tidemark"].map((name) => costOf(result, name, work));
  const lines = result.systems.map((outcome): Line => {
    const samples = outcome.samples.filter((sample) => sample.work === work);
    const cost = costOf(result, outcome.name, work);
    return {
      name: outcome.name,
      title: SYSTEMS.find(({ name }) => name === outcome.name)?.title ?? outcome.name,
      ms: samples.length > 0 ? spread(samples.map(({ ms }) => ms)) : null,
      toTidemark: ratio(cost, tidemark),
      toFloor: ratio(cost, floor),
      down: samples.length > 0 ? spread(samples.map(({ down }) => down)).median : null,
      up: samples.length > 0 ? spread(samples.map(({ up }) => up)).median : null,
      records: outcome.records,
      note: noteOf(result, outcome, work),
    };
  });
  const place = ({ name, ms }: Line) =>
    name === "floor" ? -2 : name === "tidemark" ? -1 : (ms?.median ?? Number.MAX_VALUE);
  return lines.sort((a, b) => place(a) - place(b));
}

/** Median milliseconds; of a copy for each record, since not every system copies equally many. */
export function costOf(result: Result, name: string, work: Work): number | null {
  const outcome = result.systems.find((one) => one.name === name);
  const samples = outcome?.samples.filter((sample) => sample.work === work) ?? [];
  if (outcome === undefined || samples.length === 0) return null;
  const { median } = spread(samples.map(({ ms }) => ms));
  return work === "copy" ? median / outcome.records : median;
}

function ratio(cost: number | null, other: number | null | undefined): number | null {
  return cost === null || other === null || other === undefined ? null : cost / other;
}

function noteOf(result: Result, { records, memory, samples, failure }: Outcome, work: Work): string {
  const notes: string[] = [];
  const done = samples.some((sample) => sample.work === work);
  if (!done) notes.push(failure ?? "not yet");
  else if (failure !== null) notes.push(`later: ${failure}`);
  if (done && records < result.records) {
    notes.push(`${count(records)} records${work === "copy" ? "; ratios for each record" : ""}`);
  }
  if (done && work === "copy" && memory !== null) notes.push(`client ${memory} MiB`);
  return notes.join("; ").replaceAll("|", "\\|");
}

const NOBODY = "Not measured in this run.";

const LIVE_TEXT = `${SUBSCRIBERS} subscribers in a process of their own, and the writer in another. Times run from the writer's call, so that its own
way to the server and the commit are in them, until the record can be read: by each subscriber, and by the last of all. One
write at a time, the next when all have the last; *processor* is what a subscriber takes for it, of the process that holds
all of them. The writes a second are of one series of writes, as fast as the writer
takes them, until all subscribers have read the end of it: once each to a record of its own, so that none can be left
out, and once all to the same record, where a system may pass over versions that are no longer the newest: *told* is the
share of them that a subscriber saw. The floor stores nothing.`;

const HEAD = ["", "ms (least–most)", "× Tidemark", "× floor", "KiB down", "KiB up", ""];

export function tables(result: Result, heading = ""): string {
  const works = WORKS.map((work) => {
    const lines = linesOf(result, work);
    const table = lines.some(({ ms }) => ms !== null) ? markdown(HEAD, lines.map(cellsOf)) : NOBODY;
    return { title: titleOf(work, result.records), table };
  });
  const measured = result.systems.some(({ live }) => live.length > 0);
  const live = { title: LIVE_TITLE, table: measured ? `${liveTable(result.systems)}\n\n${LIVE_TEXT}` : NOBODY };
  // In the order of their numbers: W5 is the last.
  return [...works.slice(0, -1), live, ...works.slice(-1)]
    .map(({ title, table }) => `${heading}${title}\n\n${table}\n`)
    .join("\n");
}

function cellsOf(line: Line): string[] {
  const kib = (bytes: number | null) => (bytes === null ? "–" : numberText(bytes / 1024));
  const times = (factor: number | null) => (factor === null ? "–" : factor.toFixed(factor < 10 ? 2 : 1));
  const ms =
    line.ms === null ? "–" : `${numberText(line.ms.median)} (${numberText(line.ms.least)}–${numberText(line.ms.most)})`;
  return [line.title, ms, times(line.toTidemark), times(line.toFloor), kib(line.down), kib(line.up), line.note];
}

/** The part of docs/performance.md that the command writes. */
export function section(result: Result, plot: string): string {
  const settings = SYSTEMS.filter(({ name }) => result.systems.some((one) => one.name === name)).map((system) => [
    system.title,
    result.systems.find((one) => one.name === system.name)?.versions ?? "",
    system.setting,
    system.durable,
    system.live,
  ]);
  return `\`npm run bench:peers\`

The same work, in turn, in one go of one command, on one machine (${result.machine}, Node ${result.node}):
${result.runs} runs each, median with least and most. A server process keeps its records over the runs, each of which adds
${count(PENDING)}; each run is a new client process with an empty replica in memory, so nothing is warm, the floor included. The
records are those of \`bench/records.ts\`. *× Tidemark* is the time divided by Tidemark's, *× floor* by the floor's. Bytes
are counted on the client's connections, 0.3 s of aftermath included. What a client waits before it reconnects by itself
is not counted; HTTP clients keep a connection between visits where they can, clients over WebSocket connect anew. Raw
results: [bench/results/peers.json](../bench/results/peers.json).

![Time of each system for each work, on a logarithmic scale](${plot})

${tables(result, "### ")}
### What was run

${markdown(["", "packages", "how it is used", "1,000 mutations are durable when", "live"], settings)}
`;
}
