import { memoryStore } from "tidemark/client/memory";
import { rested, spread, timed } from "../measure.ts";
import { open, switchable, typical } from "../replica.ts";
import { get, linesOf, post } from "../wire.ts";
import type { Bench } from "../workload.ts";
import { collectionOf, recordOf, type Setting, scopesOf } from "./setting.ts";
import { change, fill } from "./writes.ts";

/** The client's side of one point of the curves, a process of its own. */

/** Milliseconds. */
export interface Point {
  readonly copy: number;
  readonly catchUp: number;
  readonly push: number;
  readonly nothing: number;
  readonly verify: number;
  readonly head: number;
}

const QUICK = 100;

const [task, benchJson, settingJson] = process.argv.slice(2) as [string, string, string];
const bench = JSON.parse(benchJson) as Bench;
const setting = JSON.parse(settingJson) as Setting;
const subscriptions = scopesOf(setting).map((scope) => ({ scope }));
/** Milliseconds after which a work is not run again: what takes so long needs no warm process, and no median. */
const PATIENCE = 4_000;
const result = task === "fill" ? await fill(bench.base, setting) : await measured();
process.send?.(result ?? {}, () => process.exit(0));

async function measured(): Promise<Point> {
  const copy = await median(copied);
  const away = await replica();
  let version = 0;
  const pushes: number[] = [];
  const catchUp = await median(async () => {
    away.line.online = false;
    if (setting.changes > 1) {
      for (let i = 1; i < setting.changes; i++) await change(bench.base, setting, ++version, 10);
    }
    pushes.push(await change(bench.base, setting, ++version));
    away.line.online = true;
    return timed(() => away.client.sync());
  });
  const verify = await median(() => verified(away));
  await away.client.close();
  const cursors = await cursorsOf();
  const ask = () =>
    post(`${bench.base}/pull`, {
      client: "bench",
      subscriptions: subscriptions.map((one) => ({ ...one, cursor: cursors[one.scope] })),
    });
  const headOf = () => get(`${bench.base}?scope=${encodeURIComponent(subscriptions[0]?.scope ?? "*")}`);
  await rested();
  await typical(QUICK, ask);
  const nothing = await typical(QUICK, ask);
  await typical(QUICK, headOf);
  const head = await typical(QUICK, headOf);
  return { copy, catchUp, push: warmMedian(pushes), nothing, verify, head };
}

/** The first run warms the process up, and counts only where it is the last. */
async function median(work: () => Promise<number>): Promise<number> {
  const all: number[] = [];
  const start = performance.now();
  while (all.length <= bench.runs && performance.now() - start < PATIENCE) {
    await rested();
    all.push(await work());
  }
  return warmMedian(all);
}

function warmMedian([first, ...rest]: readonly number[]): number {
  return spread(rest.length > 0 ? rest : [first as number]).median;
}

async function replica() {
  const line = switchable();
  const store = memoryStore();
  const client = open(bench, line.fetch, store);
  await Promise.all(subscriptions.map((one) => client.subscribe(one).ready));
  return { line, store, client };
}

async function copied(): Promise<number> {
  const client = open(bench);
  const ms = await timed(() => Promise.all(subscriptions.map((one) => client.subscribe(one).ready)));
  await client.close();
  return ms;
}

/** One record of the replica is changed behind its back; it has to be found and put right. */
async function verified({ store, client }: Awaited<ReturnType<typeof replica>>): Promise<number> {
  const { id } = recordOf(setting, Math.floor(setting.records / 2));
  const key = `${collectionOf(setting)}/${id}`;
  const [held] = await store.get([key]);
  if (held === undefined) throw new Error("the copy lacks a record");
  await store.write({ rows: new Map([[key, { ...held, data: { ...held.data, title: "damaged" } }]]) });
  await rested();
  return timed(async () => {
    if ((await client.verify()).ok) throw new Error("verify did not find what differs");
  });
}

async function cursorsOf(): Promise<{ readonly [scope: string]: string }> {
  const answer = await post(`${bench.base}/pull`, { subscriptions });
  const end = linesOf<{ subscriptions?: { [scope: string]: { cursor: string } } }>(
    answer.slice(answer.trimEnd().lastIndexOf("\n") + 1),
  )[0];
  return Object.fromEntries(Object.entries(end?.subscriptions ?? {}).map(([scope, { cursor }]) => [scope, cursor]));
}
