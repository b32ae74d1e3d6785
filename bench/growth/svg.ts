import { numberText } from "../figures.ts";

/** Line charts on two logarithmic axes, side by side, as SVG that reads on a light page and on a dark one. */

export interface Chart {
  readonly title: string;
  /** Places on the horizontal axis. */
  readonly at: readonly number[];
  readonly lines: readonly { readonly name: string; readonly values: readonly number[] }[];
}

const SIZE = { width: 250, height: 240, left: 52, top: 34, bottom: 36, gap: 20, legend: 150 };
const COLOURS = ["#d9730d", "#3b82c4", "#2da44e", "#a371f7", "#cf222e", "#8b949e"];
const INK = `<style>
text { font: 12px system-ui, sans-serif; fill: #24292f } .grid { stroke: #24292f; stroke-opacity: .15 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .grid { stroke: #e6edf3 } }
</style>`;

export function lineCharts(charts: readonly Chart[]): string {
  const step = SIZE.left + SIZE.width + SIZE.gap;
  const width = step * charts.length + SIZE.legend;
  const height = SIZE.top + SIZE.height + SIZE.bottom;
  const values = charts.flatMap(({ lines }) => lines.flatMap((line) => line.values));
  const vertical = decadesOf(values);
  const panels = charts.map(
    (chart, i) => `<g transform="translate(${i * step + SIZE.left} ${SIZE.top})">${panelOf(chart, vertical)}</g>`,
  );
  const legend = (charts[0]?.lines ?? []).map(({ name }, i) => legendOf(name, i, step * charts.length));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
${INK}
${[...panels, ...legend].join("\n")}
</svg>
`;
}

function panelOf({ title, at, lines }: Chart, vertical: readonly number[]): string {
  const across = decadesOf(at);
  const x = (value: number) => round(SIZE.width * share(value, across));
  const y = (value: number) => round(SIZE.height * (1 - share(value, vertical)));
  const marks = [
    `<text x="0" y="-14" font-weight="600">ms by ${title}</text>`,
    ...vertical.map(
      (value) =>
        `<line class="grid" x2="${SIZE.width}" y1="${y(value)}" y2="${y(value)}"/><text x="-8" y="${y(value) + 4}" text-anchor="end">${tick(value)}</text>`,
    ),
    ...across.map(
      (value) => `<text x="${x(value)}" y="${SIZE.height + 20}" text-anchor="middle">${tick(value)}</text>`,
    ),
  ];
  const drawn = lines.map(({ values }, i) => {
    const colour = colourOf(i);
    const points = values.map((value, k) => `${x(at[k] as number)},${y(value)}`);
    const dots = points.map((point) => `<circle cx="${point.replace(",", '" cy="')}" r="3" fill="${colour}"/>`);
    return `<polyline points="${points.join(" ")}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join("")}`;
  });
  return [...marks, ...drawn].join("\n");
}

function legendOf(name: string, i: number, left: number): string {
  const y = SIZE.top + 10 + i * 22;
  return `<circle cx="${left}" cy="${y}" r="5" fill="${colourOf(i)}"/><text x="${left + 12}" y="${y + 4}">${name}</text>`;
}

function colourOf(i: number): string {
  return COLOURS[i % COLOURS.length] as string;
}

/** Powers of ten from below the least value to above the greatest. */
export function decadesOf(values: readonly number[]): number[] {
  const from = Math.floor(Math.log10(Math.min(...values)));
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(...values))));
  return Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i));
}

/** Where a value lies between the first and the last decade. */
function share(value: number, decades: readonly number[]): number {
  const [from, to] = [Math.log10(decades[0] as number), Math.log10(decades.at(-1) as number)];
  return (Math.log10(value) - from) / (to - from);
}

function tick(value: number): string {
  return value < 1 ? String(value) : numberText(value);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
