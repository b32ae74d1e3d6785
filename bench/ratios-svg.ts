import { judged, type Row } from "./figures.ts";

/** Each ratio to the floor as a bar, with a mark where its target is, as SVG that reads on a light page and on a dark one. */

const SIZE = { text: 520, width: 380, row: 24, top: 34 };
const INK = `<style>
text { font: 12px system-ui, sans-serif; fill: #24292f } .mark { stroke: #24292f }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .mark { stroke: #e6edf3 } }
</style>`;

export function ratioChart(rows: readonly Row[]): string {
  // Where more is better, the chart shows how much less it is.
  const bars = rows.flatMap((row) => {
    const found = judged(row);
    if (found?.ratio === null || found === null || row.target?.of !== "ratio") return [];
    const least = row.target.bound === "least";
    const cost = (ratio: number) => (least ? 1 / ratio : ratio);
    return [{ row, met: found.met === true, cost: cost(found.ratio), target: cost(row.target.limit) }];
  });
  const most = Math.max(2, ...bars.flatMap(({ cost, target }) => [cost, target]));
  // From a tenth of the floor to beyond the worst, by powers.
  const x = (value: number) =>
    Math.round((SIZE.width * Math.log(Math.max(value, 0.1) / 0.1)) / Math.log((most * 1.2) / 0.1));
  const height = SIZE.top + bars.length * SIZE.row + 8;
  const drawn = bars.map(({ row, met, cost, target }, i) => {
    const y = SIZE.top + i * SIZE.row;
    return `<text x="${SIZE.text - 10}" y="${y + 13}" text-anchor="end">${escaped(`${row.id} ${row.work}`)}</text>
<rect x="${SIZE.text}" y="${y}" width="${x(cost)}" height="16" rx="3" fill="${met ? "#2da44e" : "#d9730d"}"/>
<line class="mark" x1="${SIZE.text + x(target)}" x2="${SIZE.text + x(target)}" y1="${y - 3}" y2="${y + 19}" stroke-width="2"/>
<text x="${SIZE.text + Math.max(x(cost), x(target)) + 8}" y="${y + 13}">${cost.toFixed(2)}×</text>`;
  });
  const width = SIZE.text + SIZE.width + 70;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
${INK}
<text x="${SIZE.text}" y="16" font-weight="600">times the floor, on a logarithmic scale; the line is the target</text>
${drawn.join("\n")}
</svg>
`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
