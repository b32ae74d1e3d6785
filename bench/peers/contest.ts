import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { install } from "./install.ts";
import { Process } from "./processes.ts";
import type { Question } from "./server.ts";
import { folderOf, type System, versionsOf } from "./systems.ts";
import type { Sample, Work } from "./work.ts";

/** Longest that a server may take until its records are in it, and a client for one work. */
const START_MS = 180_000;
const WORK_MS = 120_000;

export interface Outcome {
  readonly name: string;
  readonly versions: string;
  readonly records: number;
  /** Highest resident memory of a client after its copy, in MiB. */
  readonly memory: number | null;
  readonly samples: readonly Sample[];
  /** Why some or all is missing. */
  readonly failure: string | null;
}

export interface Options {
  readonly records: number;
  readonly runs: number;
  readonly say: (text: string) => void;
}

/** One system's work, so many times over, each with a new client on the same server. Whatever fails becomes part of the outcome. */
export async function outcomeOf(system: System, { records: wanted, runs, say }: Options): Promise<Outcome> {
  const records = Math.min(wanted, system.most ?? wanted);
  const samples: Sample[] = [];
  const peaks: number[] = [];
  const folder = mkdtempSync(join(tmpdir(), "tidemark-peers-"));
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  process.once("exit", remove);
  let server: Process | null = null;
  let failure: string | null = null;
  try {
    await install(folderOf(system), say);
    say(`server with ${records.toLocaleString("en")} records`);
    server = new Process("server", [moduleOf(system, "server"), folder, String(records)], folder);
    const address = await addressOf(server);
    for (let run = 0; run < runs; run++) {
      say(`run ${run + 1} of ${runs}`);
      const client = [moduleOf(system, "client"), JSON.stringify(address), String(records), String(run)];
      const peak = await visit(server, new Process("client", client, folder), samples);
      if (peak !== null) peaks.push(peak);
    }
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
  } finally {
    await server?.end();
    remove();
    process.off("exit", remove);
  }
  const memory = peaks.length > 0 ? Math.max(...peaks) : null;
  return { name: system.name, versions: versionsOf(system), records, memory, samples, failure };
}

function moduleOf(system: System, side: "server" | "client"): string {
  return join(folderOf(system), `${side}.${system.packages.length > 0 ? "mjs" : "ts"}`);
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
