import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { install } from "./install.ts";
import { type LiveRun, liveRun } from "./live/contest.ts";
import { Process } from "./processes.ts";
import type { Question } from "./server.ts";
import { folderOf, moduleOf, type System, versionsOf } from "./systems.ts";
import type { Sample, Work } from "./work.ts";

/** Longest that a server may take until its records are in it, and a client for one work. */
const START_MS = 180_000;
const WORK_MS = 120_000;
/** Writes of a series in W4, and the records that there are for them. */
const WRITES = 1000;

/** Parts of the work: each has a server of its own. */
export const PARTS = ["replicas", "live"] as const;
export type Part = (typeof PARTS)[number];

export interface Outcome {
  readonly name: string;
  readonly versions: string;
  readonly records: number;
  /** Highest resident memory of a client after its copy, in MiB. */
  readonly memory: number | null;
  readonly samples: readonly Sample[];
  /** Why some or all is missing. */
  readonly failure: string | null;
  readonly live: readonly LiveRun[];
  readonly liveFailure: string | null;
}

export interface Options {
  readonly records: number;
  readonly runs: number;
  readonly parts: readonly Part[];
  readonly say: (text: string) => void;
}

/** One system's work, so many times over, each with new clients on the same server. Whatever fails becomes part of the outcome. */
export async function outcomeOf(system: System, { records: wanted, runs, parts, say }: Options): Promise<Outcome> {
  const records = Math.min(wanted, system.most ?? wanted);
  const samples: Sample[] = [];
  const peaks: number[] = [];
  const live: LiveRun[] = [];
  const failures: { [part in Part]?: string } = {};
  const attempted = async (part: Part, held: number, run: (serving: Serving, run: number) => Promise<void>) => {
    if (!parts.includes(part)) return;
    try {
      await install(folderOf(system), say);
      await served(system, held, say, async (serving) => {
        for (let i = 0; i < runs; i++) {
          say(`${part}: run ${i + 1} of ${runs}`);
          await run(serving, i);
        }
      });
    } catch (error) {
      failures[part] = error instanceof Error ? error.message : String(error);
      say(`failed: ${failures[part]}`);
    }
  };
  await attempted("replicas", records, async ({ server, address, cwd }, run) => {
    const client = [moduleOf(system, "client"), JSON.stringify(address), String(records), String(run)];
    const peak = await visit(server, new Process("client", client, cwd), samples);
    if (peak !== null) peaks.push(peak);
  });
  const writes = system.writes ?? WRITES;
  await attempted("live", writes, async (serving) => {
    live.push(await liveRun({ ...serving, system, writes }));
  });
  return {
    name: system.name,
    versions: versionsOf(system),
    records,
    memory: peaks.length > 0 ? Math.max(...peaks) : null,
    samples,
    failure: failures.replicas ?? null,
    live,
    liveFailure: failures.live ?? null,
  };
}

export interface Serving {
  readonly server: Process;
  readonly address: unknown;
  /** An empty folder for all of its processes. */
  readonly cwd: string;
}

/** With a server that holds so many records, for as long as the work takes. */
export async function served(
  system: System,
  records: number,
  say: (text: string) => void,
  work: (serving: Serving) => Promise<void>,
): Promise<void> {
  const cwd = mkdtempSync(join(tmpdir(), "tidemark-peers-"));
  const remove = () => rmSync(cwd, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  process.once("exit", remove);
  say(`server with ${records.toLocaleString("en")} records`);
  const server = new Process("server", [moduleOf(system, "server"), cwd, String(records)], cwd);
  try {
    await work({ server, address: await addressOf(server), cwd });
  } finally {
    await server.end();
    remove();
    process.off("exit", remove);
  }
}
async function addressOf({ child, ended }: Process): Promise<unknown> {
  const limit = new AbortController();
  const late = after(START_MS, undefined, { signal: limit.signal }).then(() => {
    throw new Error(`the server was not ready within ${START_MS / 1000} s`);
  });
  late.catch(() => {});
  try {
    const [{ address }] = await Promise.race([once(child, "message") as Promise<[{ address: unknown }]>, ended, late]);
    return address;
  } finally {
    limit.abort();
  }
}

type Told =
  | { readonly question: Question }
  | { readonly doing: Work }
  | { readonly sample: Sample }
  | { readonly peak: number | null };

/** Passes the client's questions to the server, and collects its samples; resolves to its peak of memory. */
async function visit(server: Process, client: Process, samples: Sample[]): Promise<number | null> {
  const finished = Promise.withResolvers<number | null>();
  const late = () => finished.reject(new Error(`no result within ${WORK_MS / 1000} s`));
  const limit = setTimeout(late, WORK_MS);
  let doing = "start";
  const answered = (answer: object) => client.child.connected && client.child.send(answer);
  server.child.on("message", answered);
  client.child.on("message", (told: Told) => {
    if ("question" in told) server.child.send(told.question);
    else if ("peak" in told) finished.resolve(told.peak);
    else {
      limit.refresh();
      if ("sample" in told) samples.push(told.sample);
      else doing = told.doing;
    }
  });
  try {
    return await Promise.race([finished.promise, client.ended, server.ended]);
  } catch (error) {
    throw new Error(`${doing}: ${(error as Error).message}`);
  } finally {
    clearTimeout(limit);
    server.child.off("message", answered);
    await client.end();
  }
}
