import { peakMemory } from "./measure.ts";
import { fill } from "./wire.ts";
import type { Bench } from "./workload.ts";
import { WORKLOADS } from "./workloads/index.ts";

/** The client's side of a workload, a process of its own. */

const [title, json] = process.argv.slice(2) as [string, string];
const bench = JSON.parse(json) as Bench;
const workload = WORKLOADS.find((one) => one.title === title);
if (title === "fill") await fill(bench.base, bench.records);
else if (workload === undefined) throw new Error(`no workload ${title}`);
const rows = (await workload?.measure(bench)) ?? [];
process.send?.({ rows, peak: peakMemory() }, () => process.exit(0));
