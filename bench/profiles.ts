import { readFileSync } from "node:fs";
import { markdown } from "./figures.ts";

/** What of a .cpuprofile is read here. */
export interface Profiled {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const SHOWN = 15;

/** The functions that took most time themselves, what they called not counted. */
export function selfTimes({ nodes, samples, timeDeltas }: Profiled): { readonly name: string; readonly ms: number }[] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const times = new Map<string, number>();
  for (const [i, id] of samples.entries()) {
    const name = names.get(id) ?? "?";
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[i] ?? 0) / 1000);
  }
  times.delete("(idle)");
  return [...times].map(([name, ms]) => ({ name, ms })).sort((a, b) => b.ms - a.ms);
}

function nameOf({ functionName, url, lineNumber }: Profiled["nodes"][number]["callFrame"]): string {
  const file = url.replace(/^.*\/(dist|src|bench|node_modules)\//, "$1/");
  return url === "" ? functionName : `${functionName || "(anonymous)"} ${file}:${lineNumber + 1}`;
}

export function profileTable(path: string): string {
  const times = selfTimes(JSON.parse(readFileSync(path, "utf8")) as Profiled);
  const total = times.reduce((sum, { ms }) => sum + ms, 0);
  const rows = times
    .slice(0, SHOWN)
    .map(({ name, ms }) => [ms.toFixed(0), `${((100 * ms) / total).toFixed(1)} %`, name]);
  return markdown(["self ms", "share", "function"], rows);
}
