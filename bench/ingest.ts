import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { markdown, numberText } from "./figures.ts";
import { copied, imported } from "./ingest/floors.ts";
import { writeRows } from "./ingest/rows.ts";
import type { Figures } from "./ingest/worker.ts";
import { run } from "./processes.ts";

/**
 * A CSV of people comes in: read, cleaned and checked alone; through all steps into a store; and with duplicates found by key.
 * Beside it DuckDB's import of the same file and COPY of PostgreSQL, which neither clean nor check, nor keep a history.
 * Each figure is of a process of its own. Prints the table of docs/ingest.md.
 *
 *   npm run bench:ingest [-- --rows 1000000] [-- --only clean] [-- --profile FOLDER]
 */
const { values } = parseArgs({
  options: {
    rows: { type: "string", default: "1000000" },
    only: { type: "string", multiple: true, default: [] },
    profile: { type: "string" },
  },
});
const most = Number(values.rows);
if (!Number.isInteger(most) || most < 10) throw new Error("--rows takes a number of rows, 10 or more");
const sizes = [most / 10, (most * 3) / 10, most].map(Math.round);
const wanted = (work: string) => values.only.length === 0 || values.only.includes(work);

const WORKS = [
  ["clean", "read, parse, normalise, check"],
  ["all", "the same, and raw files, batch checks, commit with history"],
  ["match", "the same, with duplicates found by key"],
] as const;

const folder = mkdtempSync(join(tmpdir(), "tidemark-ingest-"));
const rows: string[][] = [];
try {
  for (const size of sizes) await writeRows(join(folder, `${size}.csv`), size);
  for (const [work, title] of WORKS) {
    if (!wanted(work)) continue;
    for (const size of work === "match" ? sizes.slice(0, 1) : sizes) {
      process.stderr.write(`${title}: ${numberText(size)} …\n`);
      rows.push(rowOf(title, size, await measured(work, size)));
    }
  }
  const whole = join(folder, `${most}.csv`);
  if (wanted("duckdb")) rows.push(floorOf("DuckDB's import, one thread", await imported(whole, folder)));
  if (wanted("postgres")) rows.push(floorOf("PostgreSQL's COPY", await copied(whole)));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.stdout.write(
  `${markdown(["work", "rows", "seconds", "rows/s", "processor seconds", "rows/s of one core", "memory at most"], rows)}\n`,
);

async function measured(work: string, size: number): Promise<Figures> {
  const own = join(folder, `${work}-${size}`);
  const profile = values.profile === undefined ? undefined : { folder: values.profile, name: `${work}-${size}` };
  const figures = await run<Figures>("ingest/worker.ts", [work, join(folder, `${size}.csv`), own], profile);
  rmSync(own, { recursive: true, force: true });
  if (figures.taken + figures.rejected !== size) throw new Error(`${figures.taken} of ${size} rows came in`);
  return figures;
}

function rowOf(title: string, size: number, { ms, cpu, memory }: Figures): string[] {
  const most = memory === null ? "-" : `${memory} MiB`;
  return [title, numberText(size), ...paceOf(size, ms), ...paceOf(size, cpu), most];
}

function floorOf(title: string, ms: number): string[] {
  return [title, numberText(most), ...paceOf(most, ms), "", "", ""];
}

function paceOf(size: number, ms: number): string[] {
  return [numberText(ms / 1_000), numberText(size / (ms / 1_000))];
}
