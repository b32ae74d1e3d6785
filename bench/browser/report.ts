import { markdown, numberText } from "../figures.ts";
import { type Spread, spread } from "../measure.ts";
import type { Outcome } from "./contest.ts";
import type { HandOver } from "./hand-over.ts";
import { SYSTEMS } from "./systems.ts";
import type { Sample } from "./work.ts";

/** What a run in the browser says: tables from raw results. */

export interface Result {
  readonly browser: string;
  readonly machine: string;
  readonly records: number;
  readonly runs: number;
  readonly systems: readonly Outcome[];
  readonly handOvers: readonly HandOver[];
}

export interface Line {
  readonly name: string;
  readonly title: string;
  readonly readable: Spread | null;
  readonly written: number | null;
  /** Null where nothing is checked. */
  readonly checked: number | null;
  readonly longest: number | null;
  readonly again: number | null;
  /** The time of another divided by Tidemark's; null where either is missing. */
  readonly toTidemark: number | null;
  readonly toFloor: number | null;
  readonly size: Outcome["size"];
  readonly note: string;
}

/** Floor and Tidemark first, then the others from fast to slow, then those that have no figure. */
export function linesOf(result: Result): Line[] {
  const readable = (name: string) => {
    const samples = result.systems.find((one) => one.name === name)?.samples ?? [];
    return samples.length === 0 ? null : spread(samples.map((sample) => sample.readable));
  };
  const ratio = (cost: Spread | null, other: Spread | null) =>
    cost === null || other === null ? null : cost.median / other.median;
  const lines = result.systems.map((outcome): Line => {
    const { name, samples, size } = outcome;
    const own = readable(name);
    return {
      name,
      title: SYSTEMS.find((system) => system.name === name)?.title ?? name,
      readable: own,
      written: medianOf(samples, ({ written }) => written),
      checked: medianOf(samples, ({ checked }) => checked),
      longest: medianOf(samples, ({ longest }) => longest),
      again: medianOf(samples, ({ again, kept }) => (kept >= result.records ? again : null)),
      toTidemark: ratio(own, readable("tidemark")),
      toFloor: ratio(own, readable("floor")),
      size,
      note: noteOf(result, outcome),
    };
  });
  const place = ({ name, readable: own }: Line) =>
    name === "floor"
      ? -3
      : name === "tidemark"
        ? -2
        : name === "tidemark-opfs"
          ? -1
          : (own?.median ?? Number.MAX_VALUE);
  return lines.sort((a, b) => place(a) - place(b));
}

function medianOf(samples: readonly Sample[], figure: (sample: Sample) => number | null): number | null {
  const values = samples.map(figure).filter((value) => value !== null);
  return values.length === 0 ? null : spread(values).median;
}

function noteOf({ records, runs }: Result, { samples, failure }: Outcome): string {
  const notes: string[] = [];
  const least = Math.min(...samples.map(({ kept }) => kept));
  if (least < records) notes.push(`after a reload ${numberText(least)} records`);
  if (failure === null && samples.length < runs) notes.push(`${samples.length} of ${runs} runs`);
  if (failure !== null) notes.push(failure);
  return notes.join("; ").replaceAll("|", "\\|");
}

const HEAD = [
  "",
  "readable (least–most)",
  "× Tidemark",
  "× floor",
  "last write",
  "checked",
  "longest task",
  "read after a reload",
  "client, minified",
  "gzip",
  "",
];

export function table(result: Result): string {
  const handOvers = result.handOvers.map(({ title, times }) => [
    title,
    ...[times.closed, times.killed].map((each) => (each.length === 0 ? "–" : spreadText(spread(each)))),
  ]);
  const tables = [markdown(HEAD, linesOf(result).map(cellsOf))];
  if (handOvers.length > 0) tables.push(markdown(["hand-over", "leader closed", "leader killed"], handOvers));
  return tables.join("\n\n");
}

function spreadText({ median, least, most }: Spread): string {
  return `${numberText(median)} (${numberText(least)}–${numberText(most)}) ms`;
}

function cellsOf(line: Line): string[] {
  const ms = (value: number | null) => (value === null ? "–" : `${numberText(value)} ms`);
  const times = (value: number | null) => (value === null ? "–" : value.toFixed(value < 10 ? 2 : 1));
  const kib = (bytes: number | undefined) => (bytes === undefined ? "–" : `${numberText(bytes / 1024)} KiB`);
  const { readable, longest, size, name } = line;
  return [
    line.title,
    readable === null ? "–" : spreadText(readable),
    times(line.toTidemark),
    times(line.toFloor),
    ms(line.written),
    ms(line.checked),
    longest === 0 ? "< 50 ms" : ms(longest),
    ms(line.again),
    ...(name === "floor" ? ["–", "–"] : [kib(size?.bytes), kib(size?.gzip)]),
    line.note,
  ];
}

/** The part of docs/performance.md that the command writes. */
export function section(result: Result): string {
  const settings = SYSTEMS.filter(({ name }) => result.systems.some((one) => one.name === name)).map((system) => [
    system.title,
    result.systems.find((one) => one.name === system.name)?.versions ?? "",
    system.setting,
  ]);
  return `The copy of ${numberText(result.records)} records into a browser's store (W1), in ${result.browser} on one machine (${result.machine}):
${result.runs} runs each unless said, the medians, each in a browser of its own with an empty profile on disk. The servers are those of
\`npm run bench:peers\`, in a process of their own; a page is loaded from the origin of its server, so that nobody asks across origins.
*Readable* is the time from the call until every record can be read; *checked*, until its content has been compared with
the server's; the *last write* is when the last transaction of the copy and of what follows it was complete: the check's, where there
is one. The *longest task* is that of the page's main thread, until four seconds have passed without any and without a write. Then the page is
loaded again without a network, and all records are read from what is on the device. The client's size is that of one
module with the few lines that use it, minified by Vite, and with its worker and SQLite's WebAssembly where it has them.
The *hand-over* is the time from when the tab that leads is told to close, or its process to crash, until a write of another tab with
the same replica (of 10,000 records) is durable, seen from outside the browser. Raw results: [bench/results/browser.json](../bench/results/browser.json).

${table(result)}

${markdown(["", "packages", "how it is used"], settings)}
`;
}
