import { record } from "./records.ts";
import { revisionOf, Subscribers } from "./subscribers.ts";
import { get, post } from "./wire.ts";

/** The subscribers' side of W4, a process of its own. Its argument says what to measure; what it sends is the result. */

export interface Asked {
  readonly what: "latency" | "sustained" | "idle" | "sockets" | "stalled";
  readonly base: string;
  readonly floor: string;
  readonly subscribers: number;
  readonly runs: number;
}

/** Milliseconds, of each run. */
export interface Latency {
  readonly each: readonly number[];
  readonly last: readonly number[];
}
export interface Pair<T> {
  readonly tidemark: T;
  readonly floor: T;
}

const SUBSCRIBE = { op: "subscribe", subscriptions: [{ scope: "*" }] };
/** Of `ws`: a socket that is open. */
const socketOpen = 1;
/** Writes of one push in the sustained load, and pushes that are under way at a time. */
const BATCH = 20;
const WRITERS = 8;

const asked = JSON.parse(process.argv[2] as string) as Asked;
const live = `${asked.base}/live`;
let number = 0;
const numbers = new Map<string, number>();
const written = new Set<string>();
const client = `live-${process.pid}`;

process.send?.(await measured());

function measured(): Promise<unknown> {
  if (asked.what === "latency") return latency();
  if (asked.what === "sustained") return sustained();
  if (asked.what === "stalled") return stalled();
  return asked.what === "idle" ? slope(live, SUBSCRIBE) : slope(asked.floor, null);
}

async function latency(): Promise<Pair<Latency>> {
  const { floor, subscribers, runs } = asked;
  const following = await Subscribers.open(live, subscribers, SUBSCRIBE);
  const told = await Subscribers.open(floor, subscribers, null);
  const frames: Buffer[] = [];
  following.sockets[0]?.once("message", (frame: Buffer) => frames.push(frame));
  const found = {
    tidemark: { each: [] as number[], last: [] as number[] },
    floor: { each: [] as number[], last: [] as number[] },
  };
  for (let run = -10; run < runs; run++) {
    const id = `${client}-${run}`;
    const ours = await following.times(() => push([id]), id);
    if (run === -10) await fetch(`${floor}/frame`, { method: "PUT", body: new Uint8Array(frames[0] as Buffer) });
    const theirs = await told.times(() => post(`${floor}/told`, [{ ...record(0), id }]), '"op":"end"');
    if (run < 0) continue;
    for (const [name, times] of [
      ["tidemark", ours],
      ["floor", theirs],
    ] as const) {
      found[name].each.push(...times);
      found[name].last.push(times.at(-1) as number);
    }
  }
  following.close();
  told.close();
  return found;
}

/** Writes a second, until every subscriber has the last of them. */
async function sustained(): Promise<Pair<readonly number[]>> {
  const { base, floor, subscribers, runs } = asked;
  const rates = { tidemark: [] as number[], floor: [] as number[] };
  const following = await Subscribers.open(live, subscribers, SUBSCRIBE);
  const told = await Subscribers.open(floor, subscribers, null);
  const reached = new Array<number>(subscribers).fill(0);
  const writes = 4_000;
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    following.onFrame = (frame, i) => {
      reached[i] = revisionOf(frame) ?? (reached[i] as number);
    };
    await inParallel(writes / BATCH, (i) =>
      push(
        Array.from({ length: BATCH }, (_, j) => `${client}-${run}-${i}-${j}`),
        `${client}-${i % WRITERS}`,
      ),
    );
    const { revision } = await get<{ revision: number }>(base);
    while (reached.some((at) => at < revision)) await new Promise((resolve) => setTimeout(resolve, 1));
    rates.tidemark.push((writes * 1_000) / (performance.now() - start));

    const rows = Array.from({ length: BATCH }, (_, j) => ({ ...record(j), id: `${client}-${j}` }));
    await fetch(`${floor}/frame`, { method: "PUT", body: JSON.stringify(rows) });
    let frames = 0;
    told.onFrame = () => frames++;
    const before = performance.now();
    await inParallel(writes / BATCH, () => post(`${floor}/told`, rows));
    while (frames < (writes / BATCH) * subscribers) await new Promise((resolve) => setTimeout(resolve, 1));
    rates.floor.push((writes * 1_000) / (performance.now() - before));
  }
  following.close();
  told.close();
  return rates;
}

interface Memory {
  readonly rss: number;
}

/** Bytes of the server's memory that one more connection takes which is idle. */
async function slope(url: string, hello: object | null): Promise<number> {
  const { floor, subscribers } = asked;
  const few = await Subscribers.open(url, 500, hello);
  const before = await get<Memory>(`${floor}/memory`);
  const many = await Subscribers.open(url, subscribers - 500, hello);
  const after = await get<Memory>(`${floor}/memory`);
  few.close();
  many.close();
  return (after.rss - before.rss) / (subscribers - 500);
}

/** Bytes of the server's memory that one reader takes that reads nothing while much is written. */
async function stalled(): Promise<Pair<number>> {
  const { base, floor, subscribers } = asked;
  const grown = async (count: number) => {
    const readers = await Subscribers.open(live, count, {
      op: "subscribe",
      subscriptions: [{ scope: "*", cursor: (await get<{ cursor: string }>(base)).cursor }],
    });
    for (const socket of readers.sockets) socket.pause();
    const before = await get<Memory>(`${floor}/memory`);
    const text = "x".repeat(100_000);
    for (let i = 0; i < 10_000; i += 40) {
      const names = Array.from({ length: 40 }, (_, j) => `big-${(i + j) % 2_000}`);
      await push(names, client, { body: `${text}${i}` });
    }
    const after = await get<Memory>(`${floor}/memory`);
    const open = readers.sockets.filter(({ readyState }) => readyState === socketOpen).length;
    if (open < count) throw new Error(`${count - open} of ${count} stalled readers were ended meanwhile`);
    readers.close();
    return after.rss - before.rss;
  };
  const alone = await grown(0);
  return { tidemark: (await grown(subscribers)) / subscribers, floor: alone / subscribers };
}

/** One mutation that puts these records, as it is written on the wire. */
async function push(ids: readonly string[], name = client, more = {}): Promise<string> {
  const id = (numbers.get(name) ?? 0) + 1;
  numbers.set(name, id);
  const mutations = ids.map((each, i) => {
    const op = written.has(each) ? "update" : "insert";
    written.add(each);
    const write = { op, collection: "tasks", record: { ...record(number++), ...more, id: each } };
    return { id: id + i, base: 0, writes: [write] };
  });
  numbers.set(name, id + ids.length - 1);
  return post(`${asked.base}/push`, { client: name, acked: id - 1, mutations });
}

/** So many at a time, each of a writer of its own, which waits for its answer. */
async function inParallel(count: number, work: (i: number) => Promise<unknown>): Promise<void> {
  await Promise.all(
    Array.from({ length: WRITERS }, async (_, writer) => {
      for (let i = writer; i < count; i += WRITERS) await work(i);
    }),
  );
}
