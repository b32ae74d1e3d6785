import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { timed } from "./measure.ts";
import { record } from "./records.ts";
import { change, cursorOf, fill, get, linesOf, post } from "./wire.ts";

/**
 * What the patterns of client-server synchronisation cost on the same work: 100,000 records, of which 2,000 changed, 5
 * times each, since the replica was here last. Prints the table of docs/pattern.md.
 *
 *   npm run bench:patterns
 */
const RECORDS = 100_000;
const CHANGED = 2000;
const TIMES = 5;

interface Cost {
  readonly pattern: string;
  readonly ms: number;
  readonly bytes: number;
  readonly rounds: number;
}

const folder = mkdtempSync(join(tmpdir(), "tidemark-patterns-"));
const server = fork(join(import.meta.dirname, "server.ts"), [folder]);
const [{ url }] = (await once(server, "message")) as [{ url: string }];
const base = `${url}/v1/spaces/patterns`;
await fill(base, RECORDS);
const cursor = cursorOf(await post(`${base}/pull`, { subscriptions: [{ scope: "*" }] }));
const { revision } = await get<{ revision: number }>(base);
for (let version = 1; version <= TIMES; version++) await change(base, CHANGED, version);

const costs = [
  await copy(),
  await replay(),
  await dates(),
  await delta(),
  await compare("state comparison, 2,000 of 100,000 differ", CHANGED),
  await compare("state comparison, nothing differs", 0),
];
process.stdout.write(`| pattern | rounds | KiB | ms |\n| --- | --- | --- | --- |\n`);
for (const { pattern, rounds, bytes, ms } of costs) {
  process.stdout.write(`| ${pattern} | ${rounds} | ${(bytes / 1024).toFixed(1)} | ${ms.toFixed(0)} |\n`);
}
process.stdout.write(
  `\nReading by modification date, every 20 ms, where a transaction takes up to 50 ms from its date to its commit:\n`,
);
process.stdout.write(
  `${missedByDate(10_000)} of 10,000 changes are never seen; by revision, given inside the commit: 0.\n`,
);
const ended = once(server, "exit");
server.disconnect();
await ended;
rmSync(folder, { recursive: true, force: true });

/** Everything again. */
async function copy(): Promise<Cost> {
  let bytes = 0;
  const ms = await timed(async () => {
    bytes = (await post(`${base}/pull`, { subscriptions: [{ scope: "*" }] })).length;
  });
  return { pattern: "full copy", ms, bytes, rounds: 1 };
}

/** Each transaction since, one by one. */
async function replay(): Promise<Cost> {
  let bytes = 0;
  let rounds = 0;
  const ms = await timed(async () => {
    for (let since = revision; ; rounds++) {
      const text = await (await fetch(`${base}/journal?since=${since}&limit=1000`)).text();
      const { entries } = JSON.parse(text) as { entries: { revision: number }[] };
      const last = entries.at(-1);
      if (last === undefined) return;
      bytes += text.length;
      since = last.revision;
    }
  });
  return { pattern: "replay of the journal", ms, bytes, rounds };
}

/** Records whose date is greater than the last seen, whole: the delta with every patch as a put. */
async function dates(): Promise<Cost> {
  let bytes = 0;
  const ms = await timed(async () => {
    const lines = linesOf<{ records?: { id: string }[] }>(
      await post(`${base}/pull`, { subscriptions: [{ scope: "*", cursor }] }),
    );
    const whole = lines.flatMap((line) => line.records ?? []).map((_, i) => record(i, TIMES));
    bytes = JSON.stringify(whole).length;
  });
  return { pattern: "modification dates and tombstones, whole records", ms, bytes, rounds: 1 };
}

/** What Tidemark does. */
async function delta(): Promise<Cost> {
  let bytes = 0;
  const ms = await timed(async () => {
    bytes = (await post(`${base}/pull`, { subscriptions: [{ scope: "*", cursor }] })).length;
  });
  return { pattern: "consolidated delta by revision, changed atoms", ms, bytes, rounds: 1 };
}

interface Range {
  readonly from: string | null;
  readonly to: string | null;
  readonly count: number;
}

/** Fingerprints of ranges, split where they differ: here where a range holds one of the records that differ. */
async function compare(pattern: string, differing: number): Promise<Cost> {
  const now = cursorOf(await post(`${base}/pull`, { subscriptions: [{ scope: "*", cursor }] }));
  const wrong = Array.from({ length: differing }, (_, i) => `tasks/${record(i * (RECORDS / CHANGED)).id}`);
  let bytes = 0;
  let rounds = 0;
  const ms = await timed(async () => {
    let ranges: readonly { from: string | null; to: string | null }[] =
      differing === 0 ? [] : [{ from: null, to: null }];
    do {
      const next: Range[] = [];
      for (let at = 0; at === 0 || at < ranges.length; at += 1000) {
        const ask = {
          subscription: { scope: "*", cursor: now },
          ranges: ranges.slice(at, at + 1000),
          fanout: 16,
          leaf: 4,
        };
        const text = await post(`${base}/verify`, ask);
        bytes += text.length;
        rounds += 1;
        const parts = linesOf<Range & { op: string; records?: unknown }>(text).filter((line) => line.op === "range");
        next.push(...parts.filter((part) => part.records === undefined && wrong.some((key) => inside(key, part))));
      }
      ranges = next.map(({ from, to }) => ({ from, to }));
    } while (ranges.length > 0);
  });
  return { pattern, ms, bytes, rounds };
}

function inside(key: string, { from, to }: Range): boolean {
  return (from === null || key >= from) && (to === null || key < to);
}

/** A model of readers that remember the greatest date seen: what commits later with an earlier date is passed over. */
function missedByDate(changes: number): number {
  let seed = 1;
  const random = () => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
  };
  const commits = Array.from({ length: changes }, () => {
    const dated = random() * 100_000;
    return { dated, committed: dated + random() * 50 };
  });
  let missed = 0;
  let seen = Number.NEGATIVE_INFINITY;
  const waiting = commits.toSorted((a, b) => a.committed - b.committed);
  for (let now = 0; waiting.length > 0; now += 20) {
    const visible = waiting.splice(
      0,
      waiting.findIndex((one) => one.committed > now) === -1
        ? waiting.length
        : waiting.findIndex((one) => one.committed > now),
    );
    missed += visible.filter((one) => one.dated <= seen).length;
    for (const { dated } of visible) seen = Math.max(seen, dated);
  }
  return missed;
}
