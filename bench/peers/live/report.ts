import { markdown, numberText } from "../../figures.ts";
import { type Spread, spread } from "../../measure.ts";
import type { Outcome } from "../contest.ts";
import { SYSTEMS } from "../systems.ts";
import { SUBSCRIBERS } from "./work.ts";

/** What W4 found, as a table. */

export const LIVE_TITLE = `W4 · live: one writer, ${SUBSCRIBERS} subscribers`;

export interface LiveLine {
  readonly name: string;
  readonly title: string;
  /** Milliseconds from the write until the last subscriber could read it; null where that was not measured. */
  readonly last: { readonly p50: Spread; readonly p99: Spread } | null;
  readonly each: { readonly p50: number; readonly p99: number } | null;
  /** Of `last`, the p50. */
  readonly toTidemark: number | null;
  readonly toFloor: number | null;
  /** Of `last`, the p99. */
  readonly tailToFloor: number | null;
  /** Microseconds. */
  readonly cpu: number | null;
  readonly apart: number | null;
  readonly same: number | null;
  readonly delivered: number | null;
  readonly note: string;
}

const median = (values: readonly number[]): number => spread(values).median;

/** Floor and Tidemark first, then the others from fast to slow, then those that have no figure. */
export function liveLines(systems: readonly Outcome[]): LiveLine[] {
  const lastOf = (name: string, which: "p50" | "p99") => {
    const runs = systems.find((one) => one.name === name)?.live ?? [];
    return runs.length === 0 ? null : median(runs.map(({ last }) => last[which]));
  };
  const ratio = (name: string, other: string, which: "p50" | "p99") => {
    const [cost, base] = [lastOf(name, which), lastOf(other, which)];
    return cost === null || base === null ? null : cost / base;
  };
  const lines = systems.map(({ name, live, liveFailure }): LiveLine => {
    const of = (figure: (run: Outcome["live"][number]) => number) =>
      live.length === 0 ? null : median(live.map(figure));
    const spreadOf = (which: "p50" | "p99") => spread(live.map(({ last }) => last[which]));
    return {
      name,
      title: SYSTEMS.find((system) => system.name === name)?.title ?? name,
      last: live.length === 0 ? null : { p50: spreadOf("p50"), p99: spreadOf("p99") },
      each:
        live.length === 0
          ? null
          : { p50: median(live.map(({ each }) => each.p50)), p99: median(live.map(({ each }) => each.p99)) },
      toTidemark: ratio(name, "tidemark", "p50"),
      toFloor: ratio(name, "floor", "p50"),
      tailToFloor: ratio(name, "floor", "p99"),
      cpu: of((run) => run.cpu),
      apart: of((run) => run.apart),
      same: of((run) => run.same),
      delivered: of((run) => run.delivered),
      note: liveFailure === null ? "" : `${live.length > 0 ? "later: " : ""}${liveFailure}`.replaceAll("|", "\\|"),
    };
  });
  const place = ({ name, last }: LiveLine) =>
    name === "floor" ? -2 : name === "tidemark" ? -1 : (last?.p50.median ?? Number.MAX_VALUE);
  return lines.sort((a, b) => place(a) - place(b));
}

const HEAD = [
  "",
  "last: p50 (least–most)",
  "p99",
  "each: p50",
  "p99",
  "× Tidemark",
  "× floor: p50",
  "p99",
  "processor, µs",
  "writes a second: each its record",
  "all the same one",
  "of its versions told",
  "",
];

export function liveTable(systems: readonly Outcome[]): string {
  return markdown(HEAD, liveLines(systems).map(cellsOf));
}

function cellsOf(line: LiveLine): string[] {
  const number = (value: number | undefined | null) =>
    value === null || value === undefined ? "–" : numberText(value);
  const times = (value: number | null) => (value === null ? "–" : value.toFixed(value < 10 ? 2 : 1));
  const { last, each, delivered } = line;
  return [
    line.title,
    last === null
      ? "–"
      : `${numberText(last.p50.median)} (${numberText(last.p50.least)}–${numberText(last.p50.most)}) ms`,
    number(last?.p99.median),
    number(each?.p50),
    number(each?.p99),
    times(line.toTidemark),
    times(line.toFloor),
    times(line.tailToFloor),
    number(line.cpu),
    number(line.apart),
    number(line.same),
    delivered === null ? "–" : delivered >= 0.9995 ? "every one" : `${(delivered * 100).toFixed(1)} %`,
    line.note,
  ];
}
