import { setTimeout as after } from "node:timers/promises";
import type { Row } from "../../figures.ts";
import { record } from "../../records.ts";
import { Subscribers } from "../../subscribers.ts";
import { post } from "../../wire.ts";
import { baseOf, cpuOf, onPostgres, type Part, type RunningServer, type Setting, toldBy } from "../part.ts";

const [FEW, MANY] = [100, 600];
const PUSHES = 100;
const [FEW_SPACES, MANY_SPACES] = [100, 1_100];
/** Seconds in which nothing happens. */
const WATCHED = 15;
const SUBSCRIBE = { op: "subscribe", subscriptions: [{ scope: "*" }] };

/** How its rows are called. */
export const COSTS = {
  delivery: "server CPU of a delivery of one change to one more live replica",
  push: "server CPU of a push that is alone in its commit, and of the round that tells of it",
  pushDatabase: "PostgreSQL's CPU of such a push, and of what the round reads",
  memory: "server memory of an idle space with one live replica",
  idle: "server CPU of an idle space with one live replica, a second",
  idleDatabase: "PostgreSQL's CPU of an idle space with one live replica, a second",
} as const;

/** What docs/scaling.md calculates with, and no other row has. */
export const cost: Part = {
  id: "P7",
  title: "what deliveries and idle spaces cost",
  filled: false,
  async measure(setting) {
    const server = await onPostgres(setting, "costs");
    const delivered = await deliveries(setting, server);
    for (let at = 0; at < MANY_SPACES; at += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, i) => pushOne(server, `idle-${at + i}`, "first")));
    }
    await server.end();
    // One that has no room left over from other work.
    const quiet = await onPostgres(setting, "costs");
    const rows = [...delivered, ...(await idleSpaces(setting, quiet))];
    await quiet.end();
    return rows;
  },
};

const clients = new Map<string, number>();

function pushOne(server: RunningServer, space: string, id: string): Promise<string> {
  const number = (clients.get(space) ?? 0) + 1;
  clients.set(space, number);
  const write = { op: "insert", collection: "tasks", record: { ...record(number), id } };
  const mutations = [{ id: number, base: 0, writes: [write] }];
  return post(`${baseOf(server, space)}/push`, { client: "cost", acked: number - 1, mutations });
}

/** What one push takes, and what one more live replica adds that is told of it. */
async function deliveries(setting: Setting, server: RunningServer): Promise<Row[]> {
  await pushOne(server, "live", "first");
  let number = 1_000;
  const costOf = async (count: number) => {
    const following = await Subscribers.open(`${baseOf(server, "live")}/live`, count, SUBSCRIBE);
    const taken = await cpuOf(setting, [server], async () => {
      for (let i = 0; i < PUSHES; i++) {
        const id = `delivered-${number++}`;
        await following.times(() => pushOne(server, "live", id), id);
      }
    });
    following.close();
    return { server: taken.server / PUSHES, database: taken.database === null ? [] : [taken.database / PUSHES] };
  };
  await costOf(FEW);
  const [few, many] = [await costOf(FEW), await costOf(MANY)];
  const delivery = (many.server - few.server) / (MANY - FEW);
  const row = { id: "P7", unit: "µs", floor: [] };
  return [
    {
      ...row,
      work: COSTS.delivery,
      values: [delivery],
      note: `the slope from ${FEW} to ${MANY} replicas of one space`,
    },
    {
      ...row,
      work: COSTS.push,
      values: [few.server - FEW * delivery],
      note: "one at a time, so that none share a commit",
    },
    { ...row, work: COSTS.pushDatabase, values: few.database },
  ];
}

/** What one more space with one live replica takes while nothing happens in it. */
async function idleSpaces(setting: Setting, server: RunningServer): Promise<Row[]> {
  const opened: Subscribers[] = [];
  const upTo = async (count: number) => {
    for (let i = opened.length; i < count; i++) {
      opened.push(await Subscribers.open(`${baseOf(server, `idle-${i}`)}/live`, 1, SUBSCRIBE));
    }
    await after(6_000);
    const { rss } = await toldBy(server);
    return { rss, ...(await cpuOf(setting, [server], () => after(WATCHED * 1_000))) };
  };
  const [few, many] = [await upTo(FEW_SPACES), await upTo(MANY_SPACES)];
  for (const one of opened) one.close();
  const more = MANY_SPACES - FEW_SPACES;
  const row = {
    id: "P7",
    floor: [],
    note: `the slope from ${FEW_SPACES} to ${MANY_SPACES.toLocaleString("en-US")} spaces`,
  };
  const databases = few.database === null || many.database === null ? [] : [many.database - few.database];
  return [
    { ...row, work: COSTS.memory, unit: "KiB", values: [(many.rss - few.rss) / more / 1_024] },
    { ...row, work: COSTS.idle, unit: "µs", values: [(many.server - few.server) / more / WATCHED] },
    {
      ...row,
      work: COSTS.idleDatabase,
      unit: "µs",
      values: databases.map((taken) => taken / more / WATCHED),
    },
  ];
}
