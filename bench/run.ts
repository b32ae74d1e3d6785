import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { floorsOf, type Row, tableOf } from "./figures.ts";
import { optionsOrComplaint } from "./options.ts";
import { type BenchServer, type Profile, run, startServer } from "./processes.ts";
import { profileTable } from "./profiles.ts";
import { ratioChart } from "./ratios-svg.ts";
import { writeSection } from "./section.ts";
import type { Bench, Workload } from "./workload.ts";
import { WORKLOADS } from "./workloads/index.ts";

/**
 * Prints what the main jobs cost beside their physical floor, measured in the same run. Not a test: it asserts nothing.
 *
 *   npm run bench [-- --only W1] [--runs 5] [--large] [--json] [--write] [--profile]
 */
const RESULTS = join(import.meta.dirname, "results");
const PROFILES = join(RESULTS, "profiles");

const options = optionsOrComplaint([...new Set(WORKLOADS.map(({ id }) => id))]);
if (options !== null) await main(options);

async function main({ only, runs, large, json, write, profile }: NonNullable<typeof options>): Promise<void> {
  const chosen = WORKLOADS.filter(
    (one) => (large || one.large !== true) && (only.length === 0 || only.includes(one.id)),
  );
  const folder = mkdtempSync(join(tmpdir(), "tidemark-bench-"));
  const rows: Row[] = [];
  try {
    await fillAll(folder, chosen);
    for (const [i, workload] of chosen.entries()) {
      process.stderr.write(`${workload.title} …\n`);
      rows.push(...(await measured(folder, workload, runs, profile ? `${i + 1}-${workload.id}` : null)));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const result = { machine: machine(), runs, large, rows };
  if (write) {
    writeFileSync(join(RESULTS, "own.json"), `${JSON.stringify(result, null, 2)}\n`);
    writeFileSync(join(RESULTS, "own.svg"), ratioChart(rows));
    writeSection("own", sectionOf(rows, runs));
  }
  if (json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else process.stdout.write(`${tableOf(rows)}\n\nFloors:\n${floorsOf(rows)}\n`);
}

/** By a server that ends before anything is measured, so that filling counts in no figure. */
async function fillAll(folder: string, workloads: readonly Workload[]): Promise<void> {
  const filler = await startServer(folder);
  const spaces = new Map(workloads.map((workload) => [spaceOf(workload), workload]));
  for (const workload of spaces.values()) {
    process.stderr.write(`filling ${spaceOf(workload)} …\n`);
    await run("client.ts", ["fill", benchOf(filler, workload, 0, false)]);
  }
  await filler.end();
}

async function measured(
  folder: string,
  workload: Workload,
  runs: number,
  profileName: string | null,
): Promise<readonly Row[]> {
  const profileOf = (side: string): Profile | undefined =>
    profileName === null ? undefined : { folder: PROFILES, name: `${profileName}-${side}` };
  if (profileName !== null) mkdirSync(PROFILES, { recursive: true });
  const server = await startServer(folder, profileOf("server"));
  const args = [workload.title, benchOf(server, workload, runs, profileName !== null)];
  const { rows } = await run<{ rows: readonly Row[] }>("client.ts", args, profileOf("client"));
  await server.end();
  if (profileName !== null) {
    for (const side of ["client", "server"]) {
      const table = profileTable(join(PROFILES, `${profileName}-${side}.cpuprofile`));
      process.stderr.write(`\n${workload.title}: ${side}\n${table}\n\n`);
    }
  }
  return rows;
}

function spaceOf({ space, records }: Workload): string {
  return space ?? `records-${records}`;
}

function benchOf({ addresses }: BenchServer, workload: Workload, runs: number, profile: boolean): string {
  const space = spaceOf(workload);
  const base = `${addresses.url}/v1/spaces/${space}`;
  return JSON.stringify({ ...addresses, space, base, records: workload.records, runs, profile } satisfies Bench);
}

function machine() {
  const processors = cpus();
  return { node: process.version, processors: processors.length, model: processors[0]?.model ?? "unknown" };
}

function sectionOf(rows: readonly Row[], runs: number): string {
  const { node, processors, model } = machine();
  return `Node ${node}, ${processors} × ${model}; ${runs} runs unless said, the medians.

${tableOf(rows)}

Floors:

${floorsOf(rows)}

![Ratios to the floor](../bench/results/own.svg)`;
}
