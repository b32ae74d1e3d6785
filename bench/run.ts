import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
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

const WORKLOADS: readonly (readonly [name: string, work: string])[] = [
  ["copy", "copy of 100,000 records, into memory"],
  ["catchup1", "catch-up, 2,000 changes on 2,000 records"],
  ["catchup5", "catch-up, 10,000 changes on 2,000 records"],
  ["catchup25", "catch-up, 50,000 changes on 2,000 records"],
  ["push", "1,000 pending mutations until settled"],
  ["nothing", "pull with nothing new"],
  ["verify", "verify of 100,000 records, 1 difference, repaired"],
];

const rows: Row[] = [];
for (const [name, work] of WORKLOADS) {
  if (values.only !== undefined && values.only !== name) continue;
  if (!values.json) process.stderr.write(`${work} …\n`);
  rows.push(await measured(name, work, Number(values.runs)));
}
if (values.json) process.stdout.write(`${JSON.stringify({ node: process.version, rows }, null, 2)}\n`);
else process.stdout.write(table(rows));

async function measured(name: string, work: string, runs: number): Promise<Row> {
  const server = fork(join(import.meta.dirname, "server.ts"));
  const [addresses] = (await once(server, "message")) as [{ url: string; floor: string }];
  const results: Measured[] = [];
  for (let run = 0; run < runs; run++) results.push(await client(name, addresses, run));
  server.send({});
  const [{ peak }] = (await once(server, "message")) as [{ peak: number | null }];
  await ended(server);
  const ms = spread(results.map((result) => result.ms));
  const floor = spread(results.map((result) => result.floor));
  const peaks = results.map((result) => result.peak ?? 0);
  return {
    work,
    ms,
    floor,
    ratio: ms.median / floor.median,
    note: results.at(-1)?.note ?? "",
    server: peak,
    client: Math.max(...peaks),
  };
}

async function client(name: string, addresses: { url: string; floor: string }, run: number): Promise<Measured> {
  const child = fork(join(import.meta.dirname, "client.ts"), [name, addresses.url, addresses.floor, String(run)], {
    execArgv: ["--expose-gc"],
  });
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
