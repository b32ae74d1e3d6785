import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { type Outcome, outcomeOf, PARTS, type Part } from "./peers/contest.ts";
import { liveLines } from "./peers/live/report.ts";
import { linesOf, type Result, tables } from "./peers/report.ts";
import { SYSTEMS, type System } from "./peers/systems.ts";
import { WORKS } from "./peers/work.ts";
import { readResult, writeDocument, writeRaw } from "./peers/write.ts";

/**
 * Runs Tidemark and other sync engines on the same work, in turn, and prints what each took beside the physical floor. A
 * run of all with the usual number of records writes bench/results/peers.json and its section of docs/performance.md.
 *
 *   npm run bench:peers [-- --only replicache,yjs] [--runs 3] [--records 100000] [--part replicas|live] [--json] [--redraw]
 */
const RECORDS = 100_000;
const RUNS = 3;
const PEERS = SYSTEMS.filter(({ packages }) => packages.length > 0);

interface Options {
  readonly systems: readonly System[];
  readonly records: number;
  readonly runs: number;
  /** W1, W2, W3 and W5, or W4 alone; by default both. */
  readonly parts: readonly Part[];
  readonly json: boolean;
  /** Only writes the document again, from the raw results that are there. */
  readonly redraw: boolean;
}

const say = (text: string) => process.stderr.write(`${text}\n`);
const options = optionsOf(process.argv.slice(2));
if (options.redraw) await writeDocument(readResult(), say);
else process.exitCode = await compared(options);

async function compared({ systems, records, runs, parts, json }: Options): Promise<number> {
  const outcomes: Outcome[] = [];
  for (const system of systems) {
    const outcome = await outcomeOf(system, { records, runs, parts, say: (text) => say(`${system.title}: ${text}`) });
    outcomes.push(outcome);
  }
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "processor"}`;
  const result: Result = { node: process.version, machine, records, runs, systems: outcomes };
  const lines = Object.fromEntries(WORKS.map((work) => [work, linesOf(result, work)]));
  const live = liveLines(outcomes);
  process.stdout.write(json ? `${JSON.stringify({ ...result, lines, live }, null, 2)}\n` : tables(result));
  if (systems.length === SYSTEMS.length && parts.length === PARTS.length && records === RECORDS) {
    writeRaw(result);
    await writeDocument(result, say);
  }
  return outcomes.some(({ name, failure, liveFailure }) => isOurs(name) && (failure ?? liveFailure) !== null) ? 1 : 0;
}

function optionsOf(given: readonly string[]): Options {
  try {
    const { values } = parseArgs({
      args: [...given],
      options: {
        only: { type: "string" },
        runs: { type: "string", default: String(RUNS) },
        records: { type: "string", default: String(RECORDS) },
        part: { type: "string" },
        json: { type: "boolean", default: false },
        redraw: { type: "boolean", default: false },
      },
    });
    return {
      systems: systemsOf(values.only),
      runs: positive("--runs", values.runs),
      records: positive("--records", values.records),
      parts: partsOf(values.part),
      json: values.json,
      redraw: values.redraw,
    };
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    process.exit(2);
  }
}

/** Floor and Tidemark always: the ratios are to them. */
function systemsOf(only: string | undefined): readonly System[] {
  if (only === undefined) return SYSTEMS;
  const names = only.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !SYSTEMS.some((system) => system.name === name));
  if (unknown !== undefined) {
    throw new Error(`--only: no peer "${unknown}"; there are ${PEERS.map(({ name }) => name).join(", ")}`);
  }
  return SYSTEMS.filter(({ name }) => isOurs(name) || names.includes(name));
}

function partsOf(part: string | undefined): readonly Part[] {
  if (part === undefined) return PARTS;
  const known = PARTS.filter((one) => one === part);
  if (known.length === 0) throw new Error(`--part: no part "${part}"; there are ${PARTS.join(" and ")}`);
  return known;
}

function isOurs(name: string): boolean {
  return !PEERS.some((peer) => peer.name === name);
}

function positive(option: string, text: string): number {
  if (/^[1-9][0-9]{0,7}$/.test(text)) return Number(text);
  throw new Error(`${option}: "${text}" is not a whole number from 1 to 99,999,999`);
}
