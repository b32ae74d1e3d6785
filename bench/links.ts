import { parseArgs } from "node:util";
import { logical } from "./links/postgres.ts";
import { pouchdb } from "./links/pouchdb.ts";
import { APART, bothStand, changesOf, differing, RECORDS, SAME, seeds } from "./links/script.ts";
import type { Pair, System } from "./links/system.ts";
import { tidemark } from "./links/tidemark.ts";
import { writeSection } from "./section.ts";

/**
 * Two servers that follow each other, written at both while they are apart, beside two other systems on the same script:
 * what is the same afterwards, and what that took. Not a test: it asserts nothing.
 *
 *   npm run bench:links [-- --json] [--write]
 */
const SYSTEMS: readonly System[] = [tidemark, logical, pouchdb];
/** Nothing has moved for so long: it will not come nearer, in milliseconds. */
const STILL = 3_000;

interface Figures {
  readonly title: string;
  /** Why it has none. */
  readonly failure?: string;
  readonly differ?: number;
  readonly both?: number;
  readonly losers?: number;
  readonly rounds?: number | null;
  readonly ms?: number;
  readonly bytes?: number;
}

const { values: options } = parseArgs({ options: { json: { type: "boolean" }, write: { type: "boolean" } } });
const figures: Figures[] = [];
for (const system of SYSTEMS) {
  process.stderr.write(`${system.title} …\n`);
  figures.push(await measured(system).catch((error: unknown) => ({ title: system.title, failure: String(error) })));
}
if (options.write) writeSection("links", sectionOf(figures));
process.stdout.write(`${options.json ? JSON.stringify(figures, null, 2) : tableOf(figures)}\n`);
process.exit(0);

async function measured({ title, start }: System): Promise<Figures> {
  const pair = await start((text) => process.stderr.write(`${text}\n`));
  try {
    await pair.seed(seeds());
    await pair.apart();
    for (const side of ["a", "b"] as const) for (const change of changesOf(side)) await pair.write(side, change);
    const before = pair.bytes();
    const began = performance.now();
    const rounds = await pair.together();
    const { rows, at } = await settled(pair, began);
    const bytes = pair.bytes() - before;
    return {
      title: pair.version === undefined ? title : title.replace(",", ` ${pair.version},`),
      differ: differing(rows),
      both: bothStand(rows),
      losers: await pair.losers(),
      rounds,
      ms: at - began,
      bytes,
    };
  } finally {
    await pair.stop();
  }
}

/** The rows of both when nothing moves any more, and since when it has not. */
async function settled(pair: Pair, began: number) {
  let [text, at] = ["", began];
  for (;;) {
    const rows = [await pair.rows("a"), await pair.rows("b")];
    const now = performance.now();
    const next = JSON.stringify(rows.map((each) => [...each].sort((x, y) => (x.id < y.id ? -1 : 1))));
    if (next !== text) [text, at] = [next, now];
    else if (now - at > STILL) return { rows, at };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function tableOf(all: readonly Figures[]): string {
  const head = "| | records that differ at rest | both fields stand | losing values kept | rounds | time | bytes |";
  const rows = all.map(({ title, failure, differ, both, losers, rounds, ms = 0, bytes = 0 }) =>
    failure === undefined
      ? `| ${title} | ${differ} | ${both} of ${APART} | ${losers} | ${rounds ?? "by itself"} | ${(ms / 1_000).toFixed(1)} s | ${Math.round(bytes / 1024)} KiB |`
      : `| ${title} | could not run: ${failure.split("\n")[0]} | | | | | |`,
  );
  return [head, "| --- | ---: | ---: | ---: | ---: | ---: | ---: |", ...rows].join("\n");
}

function sectionOf(all: readonly Figures[]): string {
  return `\`npm run bench:links -- --write\`

${RECORDS} records at two servers that are equal; then, while the line is cut, each writes 200 records in a field of its own (the same
records, the other field), ${SAME} records in the same field, and 50 records of its own, each as one transaction. Then the line is
back. *Both fields stand*: of the ${APART} records that were changed at both sides, those that hold both changes at both sides.
*Losing values kept*: in the conflict log here, as conflicting revisions in CouchDB's protocol. The time goes to the last change
of either side. A Tidemark link finds out by itself that the line is back, by attempts a second apart, which is in its time;
PostgreSQL's subscriptions are disabled and enabled, and pouchdb-server is asked. Bytes are those over the line, both ways.

${tableOf(all)}

PostgreSQL sends whole rows and has the later arrival win, at each side the other's: the sides exchange their values and stay
different. Two inserts of one key would stop its replication, and are left out. CouchDB's protocol makes both sides choose the
same revision, and leaves it to the application to put together what the other one held.`;
}
