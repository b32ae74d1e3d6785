import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import type { Page } from "playwright-core";
import { served } from "../peers/contest.ts";
import { install } from "../peers/install.ts";
import { versionsIn } from "../peers/systems.ts";
import { launched, load } from "./chromium.ts";
import { type Site, siteOf } from "./site.ts";
import type { System } from "./systems.ts";
import { QUIET_MS, type Sample } from "./work.ts";

/** Longest for one copy; and after so long a system gets no further run. */
const COPY_MS = 300_000;
const ENOUGH_MS = 180_000;

export interface Outcome {
  readonly name: string;
  readonly versions: string;
  readonly samples: readonly Sample[];
  /** Of the client, minified: bytes, and bytes after gzip; null where it could not be built. */
  readonly size: { readonly bytes: number; readonly gzip: number } | null;
  readonly failure: string | null;
}

export interface Options {
  readonly records: number;
  readonly runs: number;
  readonly say: (text: string) => void;
}

/** One system's copies, each into an empty profile of a browser of its own. Whatever fails becomes part of the outcome. */
export async function outcomeOf(system: System, { records, runs, say }: Options): Promise<Outcome> {
  const samples: Sample[] = [];
  let size: Outcome["size"] = null;
  let failure: string | null = null;
  try {
    if (system.folder !== null) await install(system.folder, say);
    const site = await siteOf(system);
    size = { bytes: site.bytes, gzip: site.gzip };
    await installed(system, say);
    await served(system.server, records, say, async ({ address }) => {
      const end = performance.now() + ENOUGH_MS;
      for (let run = 0; run < runs && (run === 0 || performance.now() < end); run++) {
        say(`run ${run + 1} of ${runs}`);
        samples.push(await copied(site, address, records));
      }
    });
  } catch (error) {
    failure = (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
    say(`failed: ${failure}`);
  }
  const versions = system.folder === null ? "" : versionsIn(system.folder, system.packages);
  return { name: system.name, versions, samples, size, failure };
}

/** The packages of its server. */
async function installed({ server }: System, say: (text: string) => void): Promise<void> {
  await install(join(import.meta.dirname, "../peers", server.name), say);
}

type Bench = {
  copy(address: unknown, quiet: number): Promise<Pick<Sample, "readable" | "written" | "checked" | "longest">>;
  read(address: unknown): Promise<Pick<Sample, "again" | "kept">>;
};

async function copied(site: Site, address: unknown, records: number): Promise<Sample> {
  const profile = mkdtempSync(join(tmpdir(), "tidemark-browser-"));
  const context = await launched(profile);
  const limit = new AbortController();
  try {
    const page = context.pages()[0] ?? (await context.newPage());
    await load(page, site, address);
    const copying = page.evaluate(
      ([given, quiet]) => (globalThis as unknown as { bench: Bench }).bench.copy(given, quiet as number),
      [address, QUIET_MS],
    );
    copying.catch(() => {});
    const late = tooLong(limit.signal);
    late.catch(() => {});
    const copy = await Promise.race([copying, late]);
    const held = await read(page, address);
    if (held.kept < records) throw new Error(`the copy holds ${held.kept} of ${records} records`);
    await load(page, site, address);
    await context.setOffline(true);
    return { ...copy, ...(await read(page, address)) };
  } finally {
    limit.abort();
    await context.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

async function tooLong(signal: AbortSignal): Promise<never> {
  await after(COPY_MS, undefined, { signal });
  throw new Error(`no copy within ${COPY_MS / 1000} s`);
}

async function read(page: Page, address: unknown): Promise<Pick<Sample, "again" | "kept">> {
  return await page.evaluate((given) => (globalThis as unknown as { bench: Bench }).bench.read(given), address);
}
