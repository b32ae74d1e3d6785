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

/** What docs/scaling.md calculates with, and no other row has. */
export const cost: Part = {
  id: "P7",
  title: "what deliveries and idle spaces cost",
  filled: false,
  async measure(setting) {
    const server = await onPostgres(setting, "costs");
    const rows = [await deliveries(setting, server), ...(await idleSpaces(setting, server))];
    await server.end();
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

/** What one more live replica adds to a commit that it is told of. */
async function deliveries(setting: Setting, server: RunningServer): Promise<Row> {
  await pushOne(server, "live", "first");
  const costOf = async (count: number) => {
    const following = await Subscribers.open(`${baseOf(server, "live")}/live`, count, SUBSCRIBE);
    const { server: taken } = await cpuOf(setting, [server], async () => {
      for (let i = 0; i < PUSHES; i++) {
        const id = `${count}-${i}`;
        await following.times(() => pushOne(server, "live", id), id);
      }
    });
    following.close();
    return taken / PUSHES;
  };
  await costOf(FEW);
  const [few, many] = [await costOf(FEW), await costOf(MANY)];
  return {
    id: "P7",
    work: "server CPU of a delivery of one change to one more live replica",
    unit: "µs",
    values: [(many - few) / (MANY - FEW)],
    floor: [],
    note: `the slope from ${FEW} to ${MANY} replicas of one space`,
  };
}

/** What one more space with one live replica takes while nothing happens in it. */
async function idleSpaces(setting: Setting, server: RunningServer): Promise<Row[]> {
  for (let at = 0; at < MANY_SPACES; at += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, i) => pushOne(server, `idle-${at + i}`, "first")));
  }
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
  const idle = "of an idle space with one live replica";
  const databases = few.database === null || many.database === null ? [] : [many.database - few.database];
  return [
    { ...row, work: `server memory ${idle}`, unit: "KiB", values: [(many.rss - few.rss) / more / 1_024] },
    { ...row, work: `server CPU ${idle}, a second`, unit: "µs", values: [(many.server - few.server) / more / WATCHED] },
    {
      ...row,
      work: `PostgreSQL's CPU ${idle}, a second`,
      unit: "µs",
      values: databases.map((taken) => taken / more / WATCHED),
    },
  ];
}
