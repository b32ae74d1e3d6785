import { atLeast, type Row } from "../figures.ts";
import { Load, requestText } from "../load.ts";
import { alternated } from "../measure.ts";
import { record } from "../records.ts";
import { get } from "../wire.ts";
import type { Bench, Workload } from "../workload.ts";

/** Seconds of one run. */
const WINDOW = 0.7;
/** Pushes that are made before a run, so that it measures the server: more than it can take in that time. */
const READY = 10_000;

export const pushes: Workload = {
  id: "W7",
  title: "pushes a second from 1, 8 and 64 clients",
  records: 1_000,
  space: "hammered",
  async measure(bench) {
    const rows: Row[] = [];
    for (const clients of [1, 8, 64]) rows.push(await rateOf(bench, clients));
    return rows;
  },
};

async function rateOf({ url, base, empty, runs, profile }: Bench, clients: number): Promise<Row> {
  const before = await get<{ revision: number }>(base);
  const pushing = await Load.open(url, clients);
  const idle = await Load.open(empty, clients);
  const last = new Array<number>(clients).fill(0);
  let made = 0;
  const requests = Array.from({ length: clients }, (): string[] => []);
  const requestOf = (connection: number) => {
    const id = ++(last[connection] as number);
    const name = `pusher-${process.pid}-${clients}-${connection}`;
    const insert = { op: "insert", collection: "tasks", record: { ...record(made++), id: `${name}-${id}` } };
    const push = { client: name, acked: id - 1, mutations: [{ id, base: before.revision, writes: [insert] }] };
    return requestText("POST", `${base}/push`, JSON.stringify(push));
  };
  let sent = 0;
  const pushOf = (connection: number) => {
    sent++;
    return requests[connection]?.shift() ?? requestOf(connection);
  };
  const nothing = requestText("GET", `${empty}/`);
  const { results, floors } = await alternated({
    runs,
    warm: 1,
    work: () => {
      for (const [connection, ready] of requests.entries()) {
        while (ready.length < READY / clients) ready.push(requestOf(connection));
      }
      return pushing.rate(WINDOW, pushOf);
    },
    floor: profile ? null : () => idle.rate(WINDOW, () => nothing),
  });
  pushing.close();
  idle.close();
  const after = await get<{ revision: number }>(base);
  if (after.revision - before.revision !== sent) throw new Error("a push was answered and has no revision");
  return {
    id: "W7",
    work: `pushes of one mutation, durable, from ${clients} ${clients === 1 ? "client" : "clients at once"}`,
    unit: "a second",
    values: results,
    floor: floors,
    floorIs: "empty requests a second that the same HTTP library answers on as many connections",
    ...(clients === 64 && { target: atLeast(0.5) }),
  };
}
