import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

/** Values over time, oldest first; times in seconds. `label` says in words what is seen. */
export function Chart({
  times,
  values,
  label,
  name,
}: {
  readonly times: readonly number[];
  readonly values: readonly (number | null)[];
  readonly label: string;
  readonly name: string;
}) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data = useRef<uPlot.AlignedData>([[], []]);
  data.current = [[...times], [...values]];
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(element, name), data.current, element);
    };
    draw();
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", draw);
    const watcher = new ResizeObserver(() =>
      plot.current?.setSize({ width: element.clientWidth, height: element.clientHeight }),
    );
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      dark.removeEventListener("change", draw);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [name]);
  useEffect(() => plot.current?.setData(data.current), [times, values]);
  return <div className="chart" ref={box} role="img" aria-label={label} />;
}

function clock(seconds: number): string {
  const date = new Date(seconds * 1_000);
  return `${String(date.getHours()).padStart(2, "0")}:${String(date.getMinutes()).padStart(2, "0")}`;
}

function optionsOf(element: HTMLElement, name: string): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (variable: string) => style.getPropertyValue(variable).trim();
  const axis: uPlot.Axis = {
    stroke: colour("--soft"),
    font: `11px ${style.fontFamily}`,
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  return {
    width: element.clientWidth,
    height: element.clientHeight,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    padding: [8, 8, 0, 0],
    scales: { y: { range: (_, __, most) => [0, Math.max(1, most * 1.15)] } },
    axes: [
      { ...axis, size: 30, values: (_, times) => times.map(clock) },
      { ...axis, size: 44 },
    ],
    series: [
      {},
      {
        label: name,
        stroke: colour("--accent"),
        fill: colour("--tint"),
        width: 1.5,
        points: { show: false },
        paths: uPlot.paths.stepped?.({ align: -1 }) ?? (() => null),
      },
    ],
  };
}
