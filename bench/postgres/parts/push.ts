import postgres from "postgres";
import { atLeast, type Row } from "../../figures.ts";
import { Load, requestText } from "../../load.ts";
import { Pushers } from "../../pushers.ts";
import { bareRow, insertRate } from "../bare.ts";
import { baseOf, cpuOf, inTurn, onPostgres, onSqlite, type Part, type RunningServer, type Setting } from "../part.ts";

const CLIENTS = 64;
/** Mutations of a push of a client that writes faster than it is answered. */
const TEN = 10;
/** Seconds of one run of a floor. */
const WINDOW = 0.7;
/** Of 15,000 rows a second of a bare batched insert. */
const SHARE = 5_000 / 15_000;

export const push: Part = {
  id: "P4",
  title: "durable pushes from 64 clients",
  filled: false,
  async measure(setting) {
    const servers = [await onPostgres(setting), await onSqlite(setting)] as const;
    const rows = [...(await inOneSpace(setting, ...servers)), ...(await inManySpaces(setting, servers[0]))];
    for (const server of servers) await server.end();
    return rows;
  },
};

async function inOneSpace(setting: Setting, server: RunningServer, sqliteServer: RunningServer): Promise<Row[]> {
  const { database, runs } = setting;
  const pushersOf = (one: RunningServer, mutations = 1) =>
    Pushers.open({ url: one.told.url, bases: [baseOf(one, `hammered-${mutations}`)], clients: CLIENTS, mutations });
  const [ours, sqlite, tens] = [await pushersOf(server), await pushersOf(sqliteServer), await pushersOf(server, TEN)];
  const sql = postgres(database, { max: 1 });
  const requests = await Load.open(server.told.told, CLIENTS);
  const batched = () => requests.rate(WINDOW, () => requestText("POST", server.told.told, JSON.stringify(bareRow())));
  const costs: { server: number; database: number | null }[] = [];
  const found = await inTurn(
    {
      ours: async () => {
        const before = ours.sent;
        let rate = 0;
        const cost = await cpuOf(setting, [server], async () => {
          rate = await ours.rate();
        });
        const sent = ours.sent - before;
        costs.push({ server: cost.server / sent, database: cost.database === null ? null : cost.database / sent });
        return rate;
      },
      bare: () => insertRate(sql, WINDOW, CLIENTS),
      batched,
      sqlite: () => sqlite.rate(),
      tens: () => tens.rate(),
    },
    { runs, warm: 1 },
  );
  requests.close();
  await sql.end();
  for (const pushers of [ours, sqlite, tens]) await pushers.close();
  const row = { id: "P4", unit: "a second", values: found.ours };
  const bare = {
    floor: found.bare,
    floorIs: "rows a second of a bare `INSERT` by the same driver, 64 rows a statement and a commit, no HTTP",
    target: atLeast(SHARE),
  };
  return [
    { ...row, work: "pushes of one mutation, durable, from 64 clients at once in one space", ...bare },
    { ...row, work: "mutations in pushes of ten, likewise", values: found.tens, ...bare },
    {
      ...row,
      work: "the same beside a bare server",
      floor: found.batched,
      floorIs: "rows a second of 64 clients whose requests share such an `INSERT`, in Node's HTTP server",
    },
    { ...row, work: "the same beside SQLite", floor: found.sqlite, floorIs: "the same of a server on SQLite" },
    ...costRows(costs.slice(1)),
  ];
}

function costRows(costs: readonly { server: number; database: number | null }[]): Row[] {
  const row = { id: "P4", unit: "µs", floor: [] };
  return [
    { ...row, work: "server CPU of such a push", values: costs.map(({ server }) => server) },
    { ...row, work: "PostgreSQL's CPU of such a push", values: costs.flatMap(({ database }) => database ?? []) },
  ];
}

async function inManySpaces({ database, runs }: Setting, server: RunningServer): Promise<Row[]> {
  const bases = Array.from({ length: CLIENTS }, (_, i) => baseOf(server, `own-${i}`));
  const pushers = await Pushers.open({ url: server.told.url, bases, clients: CLIENTS });
  // As many connections as the store has.
  const sql = postgres(database, { max: 10 });
  const found = await inTurn(
    {
      ours: () => pushers.rate(),
      bare: async () => {
        const rates = await Promise.all(Array.from({ length: 10 }, () => insertRate(sql, WINDOW, 1)));
        return rates.reduce((sum, rate) => sum + rate, 0);
      },
    },
    { runs, warm: 1 },
  );
  await sql.end();
  await pushers.close();
  return [
    {
      id: "P4",
      work: "the same, each of 64 clients in a space of its own",
      unit: "a second",
      values: found.ours,
      floor: found.bare,
      floorIs: "rows a second of a bare `INSERT` of one row, a commit each, on 10 connections",
    },
  ];
}
