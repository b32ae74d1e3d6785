import { atMost, type Row } from "../../figures.ts";
import { post } from "../../wire.ts";
import { baseOf, cpuOf, FILLED, inTurn, onPostgres, type Part, RECORDS, type RunningServer } from "../part.ts";

/** How its rows are called. */
export const COPIED = {
  server: "server CPU for each copied record, two servers giving copies at once",
  database: "PostgreSQL's CPU for each copied record, likewise",
} as const;

/** Copies of each run: all from one server, or half of them from each of two at once. */
const COPIES = 6;

export const servers: Part = {
  id: "P5",
  title: "two servers on one database",
  filled: true,
  async measure(setting) {
    const [first, second] = [await onPostgres(setting), await onPostgres(setting)];
    const database = { one: [] as number[], two: [] as number[] };
    const costOf = async (from: readonly RunningServer[], taken: number[]) => {
      const cost = await cpuOf(setting, from, () =>
        Promise.all(from.map((server) => copies(server, COPIES / from.length))),
      );
      if (cost.database !== null) taken.push(cost.database / (COPIES * RECORDS));
      return cost.server / (COPIES * RECORDS);
    };
    const found = await inTurn(
      { one: () => costOf([first], database.one), two: () => costOf([first, second], database.two) },
      { runs: setting.runs, warm: 1 },
    );
    for (const server of [first, second]) await server.end();
    return rowsOf(found, { one: database.one.slice(1), two: database.two.slice(1) });
  },
};

async function copies(server: RunningServer, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await post(`${baseOf(server, FILLED)}/pull`, { subscriptions: [{ scope: "*" }] });
  }
}

type Costs = { readonly [name in "one" | "two"]: readonly number[] };

function rowsOf(server: Costs, database: Costs): Row[] {
  const row = { id: "P5", unit: "µs", floorIs: "the same of one server alone, which gives all of them" };
  return [
    {
      ...row,
      work: COPIED.server,
      values: server.two,
      floor: server.one,
      target: atMost(1.1),
    },
    {
      ...row,
      work: COPIED.database,
      values: database.two,
      floor: database.one,
    },
  ];
}
