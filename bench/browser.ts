import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { version } from "./browser/chromium.ts";
import { type Outcome, outcomeOf } from "./browser/contest.ts";
import { type HandOver, handOver } from "./browser/hand-over.ts";
import { linesOf, type Result, section, table } from "./browser/report.ts";
import { SYSTEMS } from "./browser/systems.ts";
import { optionsOrComplaint } from "./options.ts";
import { writeSection } from "./section.ts";

/**
 * Copies the same records into a browser's store by Tidemark and other sync engines, in turn, in a real Chromium, and prints
 * what each took, its longest task, and how large its client is; then how long a tab of Tidemark takes to follow one that leads.
 *
 *   npm run bench:browser [-- --only rxdb,replicache] [--runs 3] [--json] [--write]
 */
const RECORDS = 100_000;
const RESULT = join(import.meta.dirname, "results/browser.json");
/** Always: the ratios are to them. */
const OURS = ["floor", "tidemark", "tidemark-opfs"];
/** Records of the replica that is handed over from tab to tab. */
const HANDED_OVER = 10_000;

const say = (text: string) => process.stderr.write(`${text}\n`);
const options = optionsOrComplaint(
  SYSTEMS.map(({ name }) => name),
  { runs: 3, profile: false },
);
if (options !== null) process.exitCode = await compared(options);

async function compared({ only, runs, json, write }: NonNullable<typeof options>): Promise<number> {
  const chosen = SYSTEMS.filter(
    ({ name }) => only.length === 0 || OURS.includes(name) || only.includes(name.toUpperCase()),
  );
  const systems: Outcome[] = [];
  for (const system of chosen) {
    systems.push(await outcomeOf(system, { records: RECORDS, runs, say: (text) => say(`${system.title}: ${text}`) }));
  }
  const handOvers: HandOver[] = [];
  for (const system of chosen.filter(({ server }) => server.name === "tidemark")) {
    handOvers.push(
      await handOver(system, { records: HANDED_OVER, runs, say: (text) => say(`${system.title}: ${text}`) }),
    );
  }
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "processor"}`;
  const result: Result = { browser: await version(), machine, records: RECORDS, runs, systems, handOvers };
  if (write) {
    writeFileSync(RESULT, `${JSON.stringify(result, null, 1)}\n`);
    writeSection("browser", section(result));
  }
  process.stdout.write(
    json ? `${JSON.stringify({ ...result, lines: linesOf(result) }, null, 2)}\n` : `${table(result)}\n`,
  );
  return systems.some(({ name, failure }) => OURS.includes(name) && failure !== null) ? 1 : 0;
}
