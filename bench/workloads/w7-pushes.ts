import { atLeast, type Row } from "../figures.ts";
import { Load, requestText } from "../load.ts";
import { alternated } from "../measure.ts";
import { Pushers } from "../pushers.ts";
import type { Bench, Workload } from "../workload.ts";

/** Seconds of one run of the floor. */
const WINDOW = 0.7;

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
  const pushing = await Pushers.open({ url, bases: [base], clients });
  const idle = await Load.open(empty, clients);
  const nothing = requestText("GET", `${empty}/`);
  const { results, floors } = await alternated({
    runs,
    warm: 1,
    work: () => pushing.rate(),
    floor: profile ? null : () => idle.rate(WINDOW, () => nothing),
  });
  idle.close();
  await pushing.close();
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
