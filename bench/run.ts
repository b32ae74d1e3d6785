import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Measured } from "./client.ts";
import { type Spread, spread } from "./measure.ts";

/**
 * Prints what the main jobs cost beside their physical floor, measured in the same run. Not a test: it asserts nothing.
 *
 *   npm run bench [-- --json] [--runs 3] [--only copy]
 */
const { values } = parseArgs({
  options: { json: { type: "boolean" }, runs: { type: "string", default: "3" }, only: { type: "string" } },
});

interface Row {
  readonly work: string;
  readonly ms: Spread;
  readonly floor: Spread;
  readonly ratio: number;
  readonly note: string;
  readonly server: number | null;
  readonly client: number | null;
}

const WORKLOADS: readonly (readonly [name: string, work: string, records: number])[] = [
  ["copy", "copy of 10,000 records, into memory", 10_000],
  ["copy", "copy of 100,000 records, into memory", 100_000],
  ["catchup1", "catch-up, 2,000 changes on 2,000 of 100,000 records", 100_000],
  ["catchup5", "catch-up, 10,000 changes on 2,000 of 100,000 records", 100_000],
  ["catchup25", "catch-up, 50,000 changes on 2,000 of 100,000 records", 100_000],
  ["push", "1,000 pending mutations until settled", 1000],
  ["nothing", "pull with nothing new", 1000],
  ["verify", "verify of 100,000 records, 1 difference, repaired", 100_000],
];

const rows: Row[] = [];
for (const [name, work, records] of WORKLOADS) {
  if (values.only !== undefined && values.only !== name) continue;
  if (!values.json) process.stderr.write(`${work} …\n`);
  rows.push(await measured(name, work, records, Number(values.runs)));
}
if (values.json) process.stdout.write(`${JSON.stringify({ node: process.version, rows }, null, 2)}\n`);
else process.stdout.write(table(rows));

/** The space is filled by one server and measured on another, so that filling it counts in no figure. */
async function measured(name: string, work: string, records: number, runs: number): Promise<Row> {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-bench-"));
  const filler = await started(folder);
  await client("fill", filler.addresses, records);
  await ended(filler.child);
  const server = await started(folder);
  const results: Measured[] = [];
  for (let run = 0; run < runs; run++) results.push(await client(name, server.addresses, run));
  server.child.send({});
  const [{ peak }] = (await once(server.child, "message")) as [{ peak: number | null }];
  await ended(server.child);
  rmSync(folder, { recursive: true, force: true });
  const ms = spread(results.map((result) => result.ms));
  const floor = spread(results.map((result) => result.floor));
  const peaks = results.map((result) => result.peak ?? 0);
  const ratio = ms.median / floor.median;
  return { work, ms, floor, ratio, note: results.at(-1)?.note ?? "", server: peak, client: Math.max(...peaks) };
}

interface Addresses {
  readonly url: string;
  readonly floor: string;
  /** The same HTTP library with nothing behind it. */
  readonly empty: string;
}

async function started(folder: string): Promise<{ child: ChildProcess; addresses: Addresses }> {
  const child = fork(join(import.meta.dirname, "server.ts"), [folder]);
  const [addresses] = (await once(child, "message")) as [Addresses];
  return { child, addresses };
}

async function client(name: string, { url, floor, empty }: Addresses, argument: number): Promise<Measured> {
  const child = fork(join(import.meta.dirname, "client.ts"), [name, url, floor, empty, String(argument)]);
  const [result] = (await Promise.race([once(child, "message"), failed(child)])) as [Measured];
  await ended(child);
  return result;
}

async function failed(child: ChildProcess): Promise<never> {
  const [code] = await once(child, "exit");
  throw new Error(`a benchmark process ended with ${code}`);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = once(child, "exit");
  child.disconnect();
  await gone;
}

function table(list: readonly Row[]): string {
  const head = ["work", "ms (least–most)", "floor ms", "ratio", "server MiB", "client MiB", ""];
  const lines = list.map((row) => [
    row.work,
    `${number(row.ms.median)} (${number(row.ms.least)}–${number(row.ms.most)})`,
    number(row.floor.median),
    `${row.ratio.toFixed(2)}×`,
    String(row.server ?? "?"),
    String(row.client ?? "?"),
    row.note,
  ]);
  const widths = head.map((title, i) => Math.max(title.length, ...lines.map((line) => (line[i] as string).length)));
  return [head, widths.map((width) => "-".repeat(width)), ...lines]
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i] as number))
        .join("  ")
        .trimEnd(),
    )
    .join("\n")
    .concat("\n");
}

function number(ms: number): string {
  return ms < 10 ? ms.toFixed(2) : Math.round(ms).toString();
}
