import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { served } from "../peers/contest.ts";
import { launched, load } from "./chromium.ts";
import { type Site, siteOf } from "./site.ts";
import type { System } from "./systems.ts";

/** How a tab that leads comes to its end. */
const ENDS = ["closed", "killed"] as const;
export type End = (typeof ENDS)[number];

/** For one store: how long it took, in milliseconds, from the end of the leader until a write of the other tab was durable. */
export interface HandOver {
  readonly name: string;
  readonly title: string;
  readonly times: { readonly [end in End]: readonly number[] };
}

/** Of two tabs with a replica of so many records the one that leads ends, and the other writes. */
export async function handOver(
  system: System,
  { records, runs, say }: { records: number; runs: number; say: (text: string) => void },
): Promise<HandOver> {
  const site = await siteOf(system);
  const times: Record<End, number[]> = { closed: [], killed: [] };
  await served(system.server, records, say, async ({ address }) => {
    for (let run = 0; run < runs; run++) {
      for (const end of ENDS) {
        say(`hand-over ${run + 1} of ${runs}: ${end}`);
        times[end].push(await handedOver(site, address, end, `hand-over-${end}-${run}`));
      }
    }
  });
  return { name: system.name, title: system.title, times };
}

type Bench = {
  copy(address: unknown, quiet: number): Promise<unknown>;
  write(address: unknown, id: string): Promise<void>;
};

async function handedOver(site: Site, address: unknown, end: End, id: string): Promise<number> {
  const profile = mkdtempSync(join(tmpdir(), "tidemark-browser-"));
  const context = await launched(profile);
  try {
    const leader = context.pages()[0] ?? (await context.newPage());
    await load(leader, site, address);
    const given = [address, id] as const;
    const copied = ([to]: readonly unknown[]) => (globalThis as unknown as { bench: Bench }).bench.copy(to, 500);
    const written = ([to, name]: readonly unknown[]) =>
      (globalThis as unknown as { bench: Bench }).bench.write(to, String(name));
    await leader.evaluate(copied, given);
    const follower = await context.newPage();
    await load(follower, site, address);
    await follower.evaluate(copied, given);
    const start = performance.now();
    await ended(leader, end);
    await follower.evaluate(written, given);
    return performance.now() - start;
  } finally {
    await context.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

async function ended(page: Page, end: End): Promise<void> {
  if (end === "closed") return await page.close();
  const gone = page.waitForEvent("crash");
  page.goto("chrome://crash").catch(() => {});
  await gone;
}
