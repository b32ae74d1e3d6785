import * as vega from "vega";
import { compile } from "vega-lite";

const DECADES = [0.1, 1, 10, 100, 1000, 10_000, 100_000];
const COLOURS = { floor: "#8b949e", tidemark: "#d9730d", peer: "#3b82c4" };

/** Ink that is read on a light page, and on a dark one where the reader asks for that. */
const INK = `<style>
text { fill: #24292f }
.role-axis-grid line { stroke: #24292f; stroke-opacity: .15 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .role-axis-grid line { stroke: #e6edf3 } }
</style>`;

/** Points: `{ panel, system, kind, value, least, most, label }`. One panel for each work, each from fast to slow. */
export async function draw(points) {
  const panels = [...new Set(points.map(({ panel }) => panel))];
  const specification = {
    data: { values: points },
    background: null,
    concat: panels.map(panelOf),
    columns: 2,
    // Room for the names of the second column, and for figures that stand right of the first.
    bounds: "flush",
    spacing: { row: 72, column: 190 },
    padding: 8,
    config: {
      font: "system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif",
      view: { stroke: null },
      axis: { labelFontSize: 12, domain: false, ticks: false },
      title: { fontSize: 13, fontWeight: 600, anchor: "start", frame: "group", offset: 8 },
    },
  };
  const view = new vega.View(vega.parse(compile(specification).spec), { renderer: "none" });
  const svg = await view.toSVG();
  return `${svg.replace(/(<svg[^>]*>)/, `$1${INK}`)}\n`;
}

function panelOf(panel) {
  const axis = { grid: true, values: DECADES, format: "~s", title: null };
  const x = { field: "value", type: "quantitative", scale: { type: "log", nice: true }, axis };
  const y = { field: "system", type: "nominal", sort: { field: "value", order: "ascending" }, title: null };
  const color = {
    field: "kind",
    scale: { domain: Object.keys(COLOURS), range: Object.values(COLOURS) },
    legend: null,
  };
  return {
    title: panel,
    width: 270,
    height: { step: 21 },
    transform: [{ filter: { field: "panel", equal: panel } }],
    encoding: { y },
    layer: [
      {
        mark: { type: "rule", strokeWidth: 3, opacity: 0.45 },
        encoding: { x: { ...x, field: "least" }, x2: { field: "most" }, color },
      },
      { mark: { type: "circle", size: 90, opacity: 1 }, encoding: { x, color } },
      {
        mark: { type: "text", align: "left", dx: 9, fontSize: 11 },
        encoding: { x: { ...x, field: "most" }, text: { field: "label" } },
      },
    ],
  };
}
