import { once } from "node:events";
import { setTimeout as after } from "node:timers/promises";
import { Process } from "../processes.ts";
import { moduleOf, type System } from "../systems.ts";
import { now, type Reached, type Series, SUBSCRIBERS, TIMED, WARM } from "./work.ts";

/** Longest until all subscribers follow, and for one series. */
const OPEN_MS = 180_000;
const SERIES_MS = 60_000;
/** Between two timed writes, so that none meets the acknowledgements of the one before. */
const PAUSE_MS = 25;
/** Before the first write, and between the two series. */
const SETTLE_MS = 500;
/** Above the `updated` of every record at the start. */
const FIRST_VERSION = 2 ** 41;

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

/** What one writer and its subscribers took; all in milliseconds from the call of the write. */
export interface LiveRun {
  /** Until a subscriber could read it: of all subscribers and writes. */
  readonly each: Percentiles;
  /** Until the last subscriber could read it: of all writes. */
  readonly last: Percentiles;
  /** Microseconds of processor time that a subscriber takes for one write. */
  readonly cpu: number;
  /** Writes a second, each to a record of its own, until every subscriber had read every one. */
  readonly apart: number;
  /** Writes a second, all to the same record, until every subscriber had read the last one. */
  readonly same: number;
  /** Of the versions of that record, the share that a subscriber was told. */
  readonly delivered: number;
}

export interface LiveOptions {
  readonly system: System;
  readonly server: Process;
  readonly address: unknown;
  readonly writes: number;
  readonly cwd: string;
}

let version = FIRST_VERSION;

/** With subscribers and a writer that are new. */
export async function liveRun({ system, server, address, writes, cwd }: LiveOptions): Promise<LiveRun> {
  const module = moduleOf(system, "live");
  const started: Process[] = [];
  const opened = async (side: "live/subscribers" | "live/writer", ...rest: string[]) => {
    const child = new Process(side, [module, JSON.stringify(address), ...rest], cwd);
    started.push(child);
    await told(child, server, OPEN_MS);
    return child;
  };
  try {
    const subscribers: Process[] = [];
    for (const { first, count } of shares(SUBSCRIBERS, system.processes ?? 1)) {
      subscribers.push(await opened("live/subscribers", String(first), String(count)));
    }
    const writer = await opened("live/writer", `writer-${version}`);
    await after(SETTLE_MS);
    const run = (records: readonly number[]) => written(writer, subscribers, server, records);
    const timed = await timedWrites(run);
    await after(SETTLE_MS);
    const apart = await run(Array.from({ length: writes }, (_, i) => i));
    await after(SETTLE_MS);
    const same = await run(Array.from({ length: writes }, () => 0));
    return {
      ...timed,
      apart: (writes * 1000) / apart.last,
      same: (writes * 1000) / same.last,
      delivered: same.versions / (writes * SUBSCRIBERS),
    };
  } finally {
    await Promise.all(started.map((child) => child.end()));
  }
}

/** One write at a time, the next when all have the last: what is timed is the way, not a queue. */
async function timedWrites(
  run: (records: readonly number[]) => Promise<Delivery>,
): Promise<Pick<LiveRun, "each" | "last" | "cpu">> {
  const each: number[] = [];
  const last: number[] = [];
  const cpu: number[] = [];
  const end = now() + TIMED.ms;
  for (let i = 0; i < WARM + TIMED.writes && (i < 2 * WARM || now() < end); i++) {
    const delivery = await run([0]);
    await after(PAUSE_MS);
    if (i < WARM) continue;
    each.push(...delivery.each);
    last.push(delivery.last);
    cpu.push(delivery.cpu / SUBSCRIBERS);
  }
  return { each: percentiles(each), last: percentiles(last), cpu: percentiles(cpu).p50 };
}

interface Delivery {
  /** For each subscriber, from the first write of the series. */
  readonly each: readonly number[];
  readonly last: number;
  readonly versions: number;
  readonly cpu: number;
}

async function written(
  writer: Process,
  subscribers: readonly Process[],
  server: Process,
  records: readonly number[],
): Promise<Delivery> {
  const series: Series = { records, from: version };
  version += records.length;
  await Promise.all(subscribers.map((child) => answered(child, series, server)));
  const reached = Promise.all(subscribers.map((child) => told<Reached>(child, server, SERIES_MS)));
  reached.catch(() => {});
  const { started } = await answered<{ started: number }>(writer, series, server);
  const all = await reached;
  const each = all.flatMap(({ at }) => at.map((moment) => moment - started));
  const sum = (figure: (one: Reached) => number) => all.reduce((total, one) => total + figure(one), 0);
  return { each, last: Math.max(...each), versions: sum((one) => one.versions), cpu: sum((one) => one.cpu) };
}

function answered<Answer>(child: Process, series: Series, server: Process): Promise<Answer> {
  const answer = told<Answer>(child, server, SERIES_MS);
  child.child.send(series);
  return answer;
}

/** The next that a process says. */
async function told<Message>(child: Process, server: Process, ms: number): Promise<Message> {
  const limit = new AbortController();
  const late = after(ms, undefined, { signal: limit.signal }).then(() => {
    throw new Error(`no result within ${ms / 1000} s`);
  });
  late.catch(() => {});
  const message = once(child.child, "message", { signal: limit.signal }) as Promise<[Message]>;
  message.catch(() => {});
  try {
    const [said] = await Promise.race([message, child.ended, server.ended, late]);
    return said;
  } finally {
    limit.abort();
  }
}

/** So many dealt out to processes, as evenly as it goes. */
export function shares(count: number, processes: number): { readonly first: number; readonly count: number }[] {
  return Array.from({ length: processes }, (_, i) => {
    const first = Math.floor((count * i) / processes);
    return { first, count: Math.floor((count * (i + 1)) / processes) - first };
  });
}

export function percentiles(values: readonly number[]): Percentiles {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number;
  return { p50: at(0.5), p99: at(0.99) };
}
