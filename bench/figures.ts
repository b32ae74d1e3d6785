import { type Spread, spread } from "./measure.ts";

/** What a benchmark found, and how it is shown: pure. */

export interface Target {
  /** Of the ratio to the floor, or of the figure itself. */
  readonly of: "ratio" | "value";
  readonly bound: "most" | "least";
  readonly limit: number;
}

export interface Row {
  /** The work as the targets name it: W1 … W8. */
  readonly id: string;
  readonly work: string;
  readonly unit: string;
  /** One for each run. */
  readonly values: readonly number[];
  /** The same number of runs of the least that does the job; empty where there is none. */
  readonly floor: readonly number[];
  readonly floorIs?: string;
  readonly target?: Target;
  readonly note?: string;
}

export interface Judged {
  readonly value: Spread;
  readonly floor: Spread | null;
  readonly ratio: number | null;
  /** Null where there is no target, or nothing to compare with. */
  readonly met: boolean | null;
}

export function atMost(limit: number, of: Target["of"] = "ratio"): Target {
  return { of, bound: "most", limit };
}

export function atLeast(limit: number, of: Target["of"] = "ratio"): Target {
  return { of, bound: "least", limit };
}

/** Null for a row that has not been measured. */
export function judged({ values, floor, target }: Row): Judged | null {
  if (values.length === 0) return null;
  const value = spread(values);
  const floors = floor.length === 0 ? null : spread(floor);
  const ratio = floors === null ? null : value.median / floors.median;
  const counted = target?.of === "ratio" ? ratio : value.median;
  const met =
    target === undefined || counted === null
      ? null
      : target.bound === "most"
        ? counted <= target.limit
        : counted >= target.limit;
  return { value, floor: floors, ratio, met };
}

const HEAD = ["", "work", "median (least–most)", "floor", "ratio", "target", "met", "note"];

export function tableOf(rows: readonly Row[]): string {
  return markdown(HEAD, rows.map(cellsOf));
}

function cellsOf(row: Row): string[] {
  const { id, work, unit, target, note = "" } = row;
  const found = judged(row);
  if (found === null) return [id, work, "", "", "", targetText(target, unit), "", note];
  const { value, floor, ratio, met } = found;
  const range = value.least === value.most ? "" : ` (${numberText(value.least)}–${numberText(value.most)})`;
  return [
    id,
    work,
    `${numberText(value.median)}${range} ${unit}`,
    floor === null ? "" : numberText(floor.median),
    ratio === null ? "" : `${ratio.toFixed(2)}×`,
    targetText(target, unit),
    met === null ? "" : met ? "yes" : "**no**",
    note,
  ];
}

function targetText(target: Target | undefined, unit: string): string {
  if (target === undefined) return "";
  const sign = target.bound === "most" ? "≤" : "≥";
  return `${sign} ${numberText(target.limit)}${target.of === "ratio" ? "×" : ` ${unit}`}`;
}

/** What each floor is, once. */
export function floorsOf(rows: readonly Row[]): string {
  const said = new Map<string, string[]>();
  for (const { id, floorIs } of rows) {
    if (floorIs === undefined) continue;
    const ids = said.get(floorIs) ?? [];
    if (!ids.includes(id)) ids.push(id);
    said.set(floorIs, ids);
  }
  return [...said].map(([what, ids]) => `- ${ids.join(", ")}: ${what}`).join("\n");
}

/** A table in Markdown, its columns padded so that it reads on a terminal as well. */
export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(3, title.length, ...rows.map((row) => (row[i] ?? "").length)));
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, i) => (cells[i] ?? "").padEnd(width)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

/** Three digits at least, thousands set apart. */
export function numberText(value: number): string {
  if (Number.isInteger(value) || value >= 100) return Math.round(value).toLocaleString("en-US");
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
