import type { Row } from "../figures.ts";
import type { Workload } from "../workload.ts";

const WAITS = "waits for live updates (rules L1 to L6), which are not built yet";
const row = { id: "W4", values: [], floor: [], note: WAITS };

/** Prepared: the rows that it will fill. */
export const live: Workload = {
  id: "W4",
  title: "live",
  records: 0,
  space: "live",
  async measure(): Promise<readonly Row[]> {
    return [
      ...[100, 1_000].map((subscribers) => ({
        ...row,
        work: `from one writer's commit to each of ${subscribers.toLocaleString("en-US")} subscribers`,
        unit: "ms",
      })),
      { ...row, work: "writes a second that are sustained with all of it delivered", unit: "a second" },
    ];
  },
};
