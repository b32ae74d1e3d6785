import { atMost } from "../figures.ts";
import { alternated } from "../measure.ts";
import { EVERYTHING, typical } from "../replica.ts";
import { cursorOf, post } from "../wire.ts";
import type { Workload } from "../workload.ts";

const REQUESTS = 500;

export const nothing: Workload = {
  id: "W5",
  title: "nothing new",
  records: 1_000,
  async measure({ base, empty, runs, profile }) {
    const cursor = cursorOf(await post(`${base}/pull`, { client: "bench", subscriptions: [EVERYTHING] }));
    const ask = () => post(`${base}/pull`, { client: "bench", subscriptions: [{ ...EVERYTHING, cursor }] });
    const floor = profile ? null : () => typical(REQUESTS, () => post(empty, {}));
    const work = () => typical(REQUESTS, ask);
    const { results, floors } = await alternated({ runs, warm: 2, work, floor });
    return [
      {
        id: "W5",
        work: "a pull with nothing new",
        unit: "ms",
        values: results,
        floor: floors,
        floorIs: "an empty round trip of the same HTTP library (@hono/node-server)",
        target: atMost(1.5),
        note: `each run the median of ${REQUESTS}`,
      },
      {
        id: "W5",
        work: "bytes of its answer",
        unit: "bytes",
        values: [(await ask()).length],
        floor: [],
        target: atMost(300, "value"),
        note: "the body; HTTP headers are not counted",
      },
    ];
  },
};
