import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { markdown, numberText } from "./figures.ts";
import type { Point } from "./growth/client.ts";
import { type Axis, type Setting, settings } from "./growth/setting.ts";
import { lineCharts } from "./growth/svg.ts";
import { optionsOrComplaint } from "./options.ts";
import { run, startServer } from "./processes.ts";
import { writeSection } from "./section.ts";
import type { Bench } from "./workload.ts";

/**
 * How the cost of each job grows with what a space holds.
 *
 *   npm run bench:growth [-- --only records] [--runs 3] [--large] [--json] [--write]
 */
const RESULTS = join(import.meta.dirname, "results");

interface Measured {
  readonly setting: Setting;
  readonly point: Point;
}

const AXES: { readonly [axis in Axis]: string } = {
  records: "Records of a space, all followed; 1,000 of them change once while the replica is away",
  scopes: "Scopes that 10,000 records are dealt out to, each followed by a subscription of the one replica",
  changes: "Changes of each of 1,000 of 10,000 records while the replica is away",
};

const JOBS: { readonly [job in keyof Point]: string } = {
  copy: "copy",
  catchUp: "catch-up",
  push: "push of 1,000",
  nothing: "nothing new",
  verify: "verify, 1 difference",
  head: "head",
};

const options = optionsOrComplaint(Object.keys(AXES), { runs: 3, profile: false });
if (options !== null) await main(options);

async function main({ only, runs, large, json, write }: NonNullable<typeof options>): Promise<void> {
  const chosen = settings(large).filter(({ axis }) => only.length === 0 || only.includes(axis.toUpperCase()));
  const all: Measured[] = [];
  for (const setting of chosen) {
    process.stderr.write(`${setting.axis}: ${numberText(setting.at)} …\n`);
    all.push({ setting, point: await measured(setting, runs) });
  }
  const result = { node: process.version, runs, points: all };
  if (write) {
    writeFileSync(join(RESULTS, "growth.json"), `${JSON.stringify(result, null, 2)}\n`);
    writeFileSync(join(RESULTS, "growth.svg"), chartsOf(all));
    writeSection("growth", `${tablesOf(all)}\n\n![How the cost grows](../bench/results/growth.svg)`);
  }
  process.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : `${tablesOf(all)}\n`);
}

/** Filled by one server and measured on another. */
async function measured(setting: Setting, runs: number): Promise<Point> {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-growth-"));
  try {
    await task<unknown>("fill", folder, setting, runs);
    return await task<Point>("measure", folder, setting, runs);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function task<Result>(name: string, folder: string, setting: Setting, runs: number): Promise<Result> {
  const server = await startServer(folder);
  const base = `${server.addresses.url}/v1/spaces/growth`;
  const bench: Bench = { ...server.addresses, space: "growth", base, records: setting.records, runs, profile: false };
  const result = await run<Result>("growth/client.ts", [name, JSON.stringify(bench), JSON.stringify(setting)]);
  await server.end();
  return result;
}

function byAxis(all: readonly Measured[]): (readonly [Axis, readonly Measured[]])[] {
  return (Object.keys(AXES) as Axis[])
    .map((axis) => [axis, all.filter(({ setting }) => setting.axis === axis)] as const)
    .filter(([, points]) => points.length > 0);
}

function tablesOf(all: readonly Measured[]): string {
  return byAxis(all)
    .map(([axis, points]) => {
      const rows = points.map(({ setting, point }) => [
        numberText(setting.at),
        ...(Object.keys(JOBS) as (keyof Point)[]).map((job) => numberText(point[job])),
      ]);
      return `${AXES[axis]} (ms):\n\n${markdown([axis, ...Object.values(JOBS)], rows)}`;
    })
    .join("\n\n");
}

function chartsOf(all: readonly Measured[]): string {
  return lineCharts(
    byAxis(all).map(([axis, points]) => ({
      title: axis,
      at: points.map(({ setting }) => setting.at),
      lines: (Object.keys(JOBS) as (keyof Point)[]).map((job) => ({
        name: JOBS[job],
        values: points.map(({ point }) => point[job]),
      })),
    })),
  );
}
