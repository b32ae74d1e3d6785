import { createClient } from "tidemark/client";
import { memoryStore } from "tidemark/client/memory";
import { peakMemory, timed } from "./measure.ts";
import { record } from "./records.ts";
import { change, cursorOf, fill, get, linesOf, post } from "./wire.ts";

/** The client's side of the benchmark, a process of its own: one workload, and its floor in the same minute. */

export interface Measured {
  readonly ms: number;
  readonly floor: number;
  readonly peak: number | null;
  readonly note?: string;
}

/** `argument`: how many records to fill in, or the number of the run. */
const [name, url, floor, empty, argument] = process.argv.slice(2) as [string, string, string, string, string];
const SCOPE = { scope: "*" };
const space = "bench";
const base = `${url}/v1/spaces/${space}`;

const workloads: { readonly [name: string]: () => Promise<Omit<Measured, "peak">> } = {
  fill: async () => {
    await fill(base, Number(argument));
    return { ms: 0, floor: 0 };
  },
  copy: async () => {
    const body = await copyBody();
    // The first of each warms the process up, and is not counted.
    await floorOfCopy(body);
    await copied();
    return { floor: await floorOfCopy(body), ms: await copied(), note: `${(body.length / 2 ** 20).toFixed(1)} MiB` };
  },
  catchup1: () => catchUp(1),
  catchup5: () => catchUp(5),
  catchup25: () => catchUp(25),
  push: async () => {
    const line = switchable();
    const client = open(line.fetch);
    await client.subscribe(SCOPE).ready;
    line.online = false;
    const writes = Array.from({ length: 1000 }, (_, i) =>
      client.mutate((tx) => tx.insert("tasks", { ...record(i), id: `run${argument}-${i}` })),
    );
    await Promise.all(writes.map((write) => write.local));
    line.online = true;
    const ms = await timed(async () => {
      await client.sync();
      await Promise.all(writes.map((write) => write.settled));
    });
    await client.close();
    const rows = Array.from({ length: 1000 }, (_, i) => record(i));
    const floorMs = await median(5, () =>
      fetch(`${floor}/rows`, { method: "POST", body: JSON.stringify(rows) }).then((response) => response.text()),
    );
    return { ms, floor: floorMs, note: "each its own revision, outcome and journal entry" };
  },
  nothing: async () => {
    const cursor = cursorOf(await post(`${base}/pull`, { client: "bench", subscriptions: [SCOPE] }));
    const ask = () => post(`${base}/pull`, { client: "bench", subscriptions: [{ ...SCOPE, cursor }] });
    const bytes = (await ask()).length;
    const ms = await median(1000, ask);
    const floorMs = await median(1000, () => post(empty, {}));
    return { ms, floor: floorMs, note: `${bytes} bytes` };
  },
  verify: async () => {
    const store = memoryStore();
    const client = open(fetch, store);
    await client.subscribe(SCOPE).ready;
    const key = `tasks/${record(77_777).id}`;
    const [held] = await store.get([key]);
    if (held === undefined) throw new Error("the copy lacks a record");
    await store.write({ rows: new Map([[key, { ...held, data: { ...held.data, title: "damaged" } }]]) });
    const ms = await timed(async () => {
      const report = await client.verify();
      if (JSON.stringify(report).includes(record(77_777).id) === false)
        throw new Error(`not found: ${JSON.stringify(report)}`);
    });
    const { createHash } = await import("node:crypto");
    const texts = Array.from({ length: await count() }, (_, i) => JSON.stringify(record(i)));
    const floorMs = await timed(() => texts.forEach((text) => createHash("sha256").update(text).digest()));
    await client.close();
    return { ms, floor: floorMs, note: "floor: SHA-256 of every record" };
  },
};

async function catchUp(changes: number): Promise<Omit<Measured, "peak">> {
  const line = switchable();
  const client = open(line.fetch);
  await client.subscribe(SCOPE).ready;
  const cursor = cursorOf(await post(`${base}/pull`, { subscriptions: [SCOPE] }));
  line.online = false;
  for (let version = 1; version <= changes; version++) await change(base, 2000, Number(argument) * 100 + version);
  const delta = await post(`${base}/pull`, { subscriptions: [{ ...SCOPE, cursor }] });
  line.online = true;
  const ms = await timed(() => client.sync());
  await client.close();
  return { ms, floor: await floorOfDelta(delta), note: `${Math.round(delta.length / 1024)} KiB` };
}

/** A line that can be cut: what is under way ends, what comes after fails at once. */
function switchable() {
  let cut = new AbortController();
  return {
    fetch: ((input, init) => {
      const signals = init?.signal ? [init.signal, cut.signal] : [cut.signal];
      return fetch(input, { ...init, signal: AbortSignal.any(signals) });
    }) as typeof fetch,
    set online(value: boolean) {
      if (value) cut = new AbortController();
      else cut.abort(new TypeError("offline"));
    },
  };
}

function open(http: typeof fetch = fetch, store = memoryStore()) {
  return createClient({ url, space, store, fetch: http });
}

async function count(): Promise<number> {
  const head = await get<{ scopes: { "*": { count: number } } }>(`${base}?scope=*`);
  return head.scopes["*"].count;
}

/** Until every record can be read and the fingerprint of all has been checked. */
async function copied(): Promise<number> {
  const client = open();
  const ms = await timed(() => client.subscribe(SCOPE).ready);
  await client.close();
  return ms;
}

function copyBody(): Promise<string> {
  return post(`${base}/pull`, { subscriptions: [SCOPE] });
}

/** Fetch of the same records as one JSON array from a bare server, JSON.parse, Map. */
async function floorOfCopy(body: string): Promise<number> {
  const records = linesOf<{ records?: { id: string }[] }>(body).flatMap((line) => line.records ?? []);
  await fetch(`${floor}/copy`, { method: "PUT", body: JSON.stringify(records) });
  return timed(async () => {
    const parsed = JSON.parse(await (await fetch(`${floor}/copy`)).text()) as { id: string }[];
    const map = new Map(parsed.map((row) => [row.id, row]));
    if (map.size !== records.length) throw new Error("the floor lost records");
  });
}

/** Fetch of the same delta from a bare server, JSON.parse of its lines, patches applied to a Map. */
async function floorOfDelta(delta: string): Promise<number> {
  await fetch(`${floor}/delta`, { method: "PUT", body: delta });
  const map = new Map<string, object>(Array.from({ length: await count() }, (_, i) => [record(i).id, record(i)]));
  return timed(async () => {
    for (const line of linesOf<{ records?: { id: string }[] }>(await (await fetch(`${floor}/delta`)).text())) {
      for (const patch of line.records ?? []) map.set(patch.id, { ...map.get(patch.id), ...patch });
    }
  });
}

/** As many again come first and are not counted, until the process is warm. */
async function median(times: number, work: () => Promise<unknown>): Promise<number> {
  for (let i = 0; i < times; i++) await work();
  const all: number[] = [];
  for (let i = 0; i < times; i++) all.push(await timed(work));
  return all.sort((a, b) => a - b)[Math.floor(times / 2)] as number;
}

const workload = workloads[name];
if (workload === undefined) throw new Error(`no workload ${name}`);
process.send?.({ ...(await workload()), peak: peakMemory() });
process.disconnect?.();
