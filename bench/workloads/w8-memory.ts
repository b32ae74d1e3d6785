import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServerMemory } from "../bare-server.ts";
import { atMost, type Row } from "../figures.ts";
import { Load, requestText } from "../load.ts";
import { rested } from "../measure.ts";
import { startServer } from "../processes.ts";
import { EVERYTHING, open } from "../replica.ts";
import { cursorOf, get, linesOf, post } from "../wire.ts";
import type { Bench, Workload } from "../workload.ts";

const FEW = 3_000;
const MANY = 7_000;
/** Connections that come at once. What a burst leaves to be collected is no part of what a replica that waits costs. */
const GROUP = 200;
/** Seconds in which the processor time of idle replicas is counted. */
const WATCHED = 10;

export const server: Workload = {
  id: "W8",
  title: "server memory of an idle replica",
  records: 1_000,
  async measure(bench) {
    const cursor = cursorOf(await post(`${bench.base}/pull`, { subscriptions: [EVERYTHING] }));
    const pullOf = (i: number) => {
      const pull = { client: `idle-${i}`, wait: 60, subscriptions: [{ ...EVERYTHING, cursor }] };
      return requestText("POST", `${bench.base}/pull`, JSON.stringify(pull));
    };
    const waiting = await slope(bench.floor, bench.url, pullOf);
    const held = bench.profile ? null : await bareSlope();
    return [
      {
        id: "W8",
        work: "server memory of a replica that waits for news",
        unit: "KiB",
        values: [waiting.bytes / 1024],
        floor: held === null ? [] : [held.bytes / 1024],
        floorIs: `for the server: a request that waits in the same HTTP library. Both are the slope of resident memory from ${FEW.toLocaleString("en-US")} to ${MANY.toLocaleString("en-US")}, which come ${GROUP} at a time`,
        target: atMost(20, "value"),
        note: `${MANY.toLocaleString("en-US")} of them take ${(waiting.busy * 100).toFixed(0)} % of a processor; ${(waiting.heap / 1024).toFixed(1)} KiB of it is JavaScript heap`,
      },
    ];
  },
};

interface Slope {
  readonly bytes: number;
  readonly heap: number;
  /** Share of a processor that the many take while nothing happens. */
  readonly busy: number;
}

/** What one more waiting connection costs the process. */
async function slope(told: string, url: string, requestOf: (i: number) => string): Promise<Slope> {
  const memory = () => get<ServerMemory>(`${told}/memory`);
  const held: Load[] = [];
  const upTo = async (many: number): Promise<ServerMemory> => {
    for (let from = held.length * GROUP; from < many; from += GROUP) {
      const group = await Load.open(url, GROUP);
      group.hold((i) => requestOf(from + i));
      held.push(group);
      await pause(0.1);
      await memory();
    }
    await pause(1);
    return await memory();
  };
  const before = await upTo(FEW);
  const after = await upTo(MANY);
  await pause(WATCHED);
  const later = await memory();
  for (const group of held) group.close();
  return {
    bytes: (after.rss - before.rss) / (MANY - FEW),
    heap: (after.heap - before.heap) / (MANY - FEW),
    busy: (later.cpu - after.cpu) / (WATCHED * 1_000_000),
  };
}

/** In a server of its own, which has no memory of the other's connections. */
async function bareSlope(): Promise<Slope> {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-idle-"));
  const other = await startServer(folder);
  const { floor, empty } = other.addresses;
  const found = await slope(floor, empty, () => requestText("GET", `${empty}/hold`));
  await other.end();
  rmSync(folder, { recursive: true, force: true });
  return found;
}

async function pause(seconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
}

export const client: Workload = {
  id: "W8",
  title: "client memory of 100,000 records",
  records: 100_000,
  async measure(bench) {
    const plain = await grown(() => plainRecords(bench));
    const replica = await grown(async () => {
      const opened = open(bench);
      await opened.subscribe(EVERYTHING).ready;
      await opened.sync();
      return opened;
    });
    await replica.held.close();
    return [heapRow(replica.bytes, plain.bytes)];
  },
};

function heapRow(replica: number, plain: number): Row {
  return {
    id: "W8",
    work: "client memory of 100,000 records, store in memory",
    unit: "MiB",
    values: [replica / 2 ** 20],
    floor: [plain / 2 ** 20],
    floorIs:
      "for the client: an array of the same records as JSON.parse makes them. Both are JavaScript heap and buffers after a collection",
    target: atMost(2),
  };
}

async function plainRecords({ base }: Bench): Promise<object[]> {
  const lines = linesOf<{ records?: object[] }>(await post(`${base}/pull`, { subscriptions: [EVERYTHING] }));
  return lines.flatMap(({ records }) => records ?? []);
}

/** Memory that is held by what the work makes. */
async function grown<Held>(work: () => Promise<Held>): Promise<{ readonly bytes: number; readonly held: Held }> {
  const before = await settledMemory();
  const held = await work();
  const bytes = (await settledMemory()) - before;
  return { bytes, held };
}

async function settledMemory(): Promise<number> {
  for (let i = 0; i < 3; i++) await rested();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
