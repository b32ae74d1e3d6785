import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { record } from "../records.ts";

/** What every system does in the comparison, and what it must offer to take part. */

export type Row = ReturnType<typeof record>;

/** Records that change between two visits of a replica, and how often each. */
export const CHANGED = 2000;
export const TIMES = 5;
export const PENDING = 1000;
/** How often a run asks for nothing new. */
export const ASKED = 5;

/** W1, W2, W3 and W5; what W4 is lies in `live/`. */
export const WORKS = ["copy", "catchup", "push", "nothing"] as const;
export type Work = (typeof WORKS)[number];

export interface ServerOptions {
  /** Empty, and removed afterwards. */
  readonly folder: string;
  readonly records: number;
}

export interface ServerSide {
  /** All that a client must know, as JSON. */
  readonly address: unknown;
  /** Writes the new versions; they differ from the last in `title` and `updated`. */
  change(rows: readonly Row[]): Promise<void>;
  /** How many of these records the server holds. */
  holds(ids: readonly string[]): Promise<number>;
  close?(): Promise<void>;
}

export type StartServer = (options: ServerOptions) => Promise<ServerSide>;

/** A replica in memory that is empty at first. What returns a number tells how many milliseconds of its time do not count. */
export interface Replica {
  /** Until every record can be read. */
  copy(): Promise<void>;
  read(id: string): Promise<Pick<Row, "updated"> | undefined>;
  size(): Promise<number>;
  offline(): Promise<void>;
  /** From being offline until it knows that nothing is new. */
  nothing(): Promise<number | void>;
  /** From being offline until `seen` is true. */
  catchUp(seen: () => Promise<boolean>): Promise<number | void>;
  /** Writes while offline. */
  queue(rows: readonly Row[]): Promise<void>;
  /** Sends them. A system whose client is not told waits for `held`: the server is asked every 5 ms. */
  push(held: () => Promise<void>): Promise<number | void>;
  close(): Promise<void>;
}

export type OpenReplica = (address: never, options: { readonly run: number }) => Promise<Replica>;

/** What a client process tells of one work. Bytes are those of its TCP connections. */
export interface Sample {
  readonly work: Work;
  readonly ms: number;
  readonly down: number;
  readonly up: number;
}

/** Every so-many-th record, so that changes lie all over the key space. */
export function changedRows(records: number, version: number): Row[] {
  const step = Math.max(1, Math.floor(records / CHANGED));
  return Array.from({ length: Math.min(CHANGED, records) }, (_, i) => {
    const { title, updated } = record(i * step, version);
    return { ...record(i * step), title, updated };
  });
}

export function pendingRows(run: number): Row[] {
  return Array.from({ length: PENDING }, (_, i) => ({ ...record(i), id: `run${run}-${i}` }));
}

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

export async function until(condition: () => boolean | Promise<boolean>, step: number): Promise<void> {
  while (!(await condition())) await sleep(step);
}

/** The first of so many ports in a row that nobody listens on. */
export async function freePort(count = 1): Promise<number> {
  for (;;) {
    const first = await listenOn(0);
    const rest = Array.from({ length: count - 1 }, (_, i) => listenOn(first + 1 + i));
    if ((await Promise.allSettled(rest)).every(({ status }) => status === "fulfilled")) return first;
  }
}

async function listenOn(port: number): Promise<number> {
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  const found = (server.address() as AddressInfo).port;
  await new Promise((closed) => server.close(closed));
  return found;
}
