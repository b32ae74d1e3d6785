import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeSection } from "../section.ts";
import { install } from "./install.ts";
import { LIVE_TITLE, liveLines } from "./live/report.ts";
import { linesOf, type Result, section, titleOf } from "./report.ts";
import { WORKS } from "./work.ts";

/** Where a whole run leaves its results: raw, as a section of a document, and drawn. */

const ROOT = join(import.meta.dirname, "../..");
const RAW = join(ROOT, "bench/results/peers.json");
const PLOT = "performance-peers.svg";

export function readResult(): Result {
  return JSON.parse(readFileSync(RAW, "utf8")) as Result;
}

export function writeRaw(result: Result): void {
  mkdirSync(dirname(RAW), { recursive: true });
  writeFileSync(RAW, `${JSON.stringify(result, null, 1)}\n`);
}

export async function writeDocument(result: Result, say: (text: string) => void): Promise<void> {
  await install(join(import.meta.dirname, "plot"), say);
  const { draw } = (await import(join(import.meta.dirname, "plot/draw.mjs"))) as {
    draw: (points: readonly Point[]) => Promise<string>;
  };
  writeFileSync(join(ROOT, "docs", PLOT), await draw(pointsOf(result)));
  writeSection("peers", section(result, PLOT));
}

interface Point {
  readonly panel: string;
  readonly system: string;
  readonly kind: string;
  readonly value: number;
  readonly least: number;
  readonly most: number;
  readonly label: string;
}

export function pointsOf(result: Result): Point[] {
  const works = workPoints(result);
  const nothing = titleOf("nothing", result.records);
  const before = works.filter(({ panel }) => !panel.startsWith(nothing));
  return [...before, ...livePoints(result), ...works.slice(before.length)];
}

/** Milliseconds, but of a copy microseconds for each record: not every system copies equally many. */
function workPoints(result: Result): Point[] {
  return WORKS.flatMap((work) =>
    linesOf(result, work).flatMap(({ name, title, ms, records }) => {
      if (ms === null) return [];
      const scale = work === "copy" ? 1000 / records : 1;
      const unit = work === "copy" ? "µs a record" : "ms";
      const value = ms.median * scale;
      return {
        panel: `${titleOf(work, result.records)}, ${unit}`,
        system: records < result.records ? `${title} (${records.toLocaleString("en")})` : title,
        kind: kindOf(name),
        value,
        least: ms.least * scale,
        most: ms.most * scale,
        label: labelOf(value),
      };
    }),
  );
}

/** Until the last subscriber could read it: the median, and from there to the p99. */
function livePoints({ systems }: Result): Point[] {
  return liveLines(systems).flatMap(({ name, title, last }) => {
    if (last === null) return [];
    const { p50, p99 } = last;
    const most = Math.max(p50.median, p99.median);
    const point = { panel: `${LIVE_TITLE}, ms to the last, p50 to p99`, system: title, kind: kindOf(name) };
    return [{ ...point, value: p50.median, least: p50.median, most, label: labelOf(p50.median) }];
  });
}

function kindOf(name: string): string {
  return name === "floor" || name === "tidemark" ? name : "peer";
}

function labelOf(value: number): string {
  return value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString("en");
}
