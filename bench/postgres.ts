import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { floorsOf, type Row, tableOf } from "./figures.ts";
import { optionsOrComplaint } from "./options.ts";
import { makeBare } from "./postgres/bare.ts";
import { type Contest, contest, contestTable } from "./postgres/contest.ts";
import { startDatabase, statements } from "./postgres/database.ts";
import { paper } from "./postgres/paper.ts";
import type { Setting } from "./postgres/part.ts";
import { PARTS } from "./postgres/parts/index.ts";
import { run } from "./processes.ts";
import { profileTable } from "./profiles.ts";
import { writeSection } from "./section.ts";

/**
 * What the store on PostgreSQL costs, in one run beside SQLite, beside the same rows by the same driver, and beside Zero.
 * Not a test: it asserts nothing.
 *
 *   npm run bench:postgres [-- --only P2] [--runs 5] [--json] [--write] [--profile]
 */
const RESULTS = join(import.meta.dirname, "results");
const PROFILES = join(RESULTS, "profiles", "postgres");
const PEER = "ZERO";
/** Runs beside Zero, each of which takes more than a minute. */
const PEER_RUNS = 1;

const options = optionsOrComplaint([...PARTS.map(({ id }) => id), PEER]);
if (options !== null) await main(options);

async function main({ only, runs, json, write, profile }: NonNullable<typeof options>): Promise<void> {
  const wanted = (id: string) => only.length === 0 || only.includes(id);
  const rows = PARTS.some(({ id }) => wanted(id)) ? await measured(wanted, runs, profile) : [];
  const peer = wanted(PEER) && !profile ? await contest(Math.min(PEER_RUNS, runs)) : null;
  const result = { machine: machine(), runs, rows, peer };
  if (write) {
    writeFileSync(join(RESULTS, "postgres.json"), `${JSON.stringify(result, null, 2)}\n`);
    writeSection("postgres", sectionOf(rows, peer, runs));
    writeSection("paper", paper(rows), "scaling.md");
  }
  process.stdout.write(`${json ? JSON.stringify(result, null, 2) : shown(rows, peer)}\n`);
}

async function measured(wanted: (id: string) => boolean, runs: number, profile: boolean): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-bench-"));
  const database = await startDatabase(profile);
  try {
    await makeBare(database.url);
    const { url, pid } = database;
    const setting: Setting = { folder, database: url, pid, runs, profiles: profile ? PROFILES : null };
    const filled = PARTS.some((part) => part.filled && wanted(part.id));
    const rows: Row[] = [];
    for (const { id, title } of PARTS) {
      if (!wanted(id) && !(filled && id === PARTS[0]?.id)) continue;
      process.stderr.write(`${title} …\n`);
      if (profile) rmSync(PROFILES, { recursive: true, force: true });
      if (profile) mkdirSync(PROFILES, { recursive: true });
      const found = await run<readonly Row[]>("postgres/client.ts", [id, JSON.stringify(setting)]);
      if (wanted(id)) rows.push(...found);
      if (profile && wanted(id)) await explain(title, url);
    }
    return rows;
  } finally {
    await database.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Where the time went: of each server on PostgreSQL, and of the database's statements since it was started. */
async function explain(title: string, database: string): Promise<void> {
  for (const name of readdirSync(PROFILES)) {
    process.stderr.write(`\n${title}: ${name}\n${profileTable(join(PROFILES, name))}\n`);
  }
  process.stderr.write(`\n${await statements(database)}\n\n`);
}

function shown(rows: readonly Row[], peer: Contest | null): string {
  const own = rows.length === 0 ? [] : [tableOf(rows), `Floors:\n\n${floorsOf(rows)}`];
  const text = "A table that SQL programs write, followed by both; one run of each, in turn:";
  return [...own, ...(peer === null ? [] : [text, contestTable(peer)])].join("\n\n");
}

function machine() {
  const processors = cpus();
  return { node: process.version, processors: processors.length, model: processors[0]?.model ?? "unknown" };
}

function sectionOf(rows: readonly Row[], peer: Contest | null, runs: number): string {
  const { node, processors, model } = machine();
  return `Node ${node}, PostgreSQL 18, ${processors} × ${model}, shared by servers, database and clients; ${runs} runs unless said, the
medians. PostgreSQL has \`fsync\` on and \`wal_level = logical\`.

${shown(rows, peer)}`;
}
