import { Replicache, TEST_LICENSE_KEY } from "replicache";
import { until } from "../work.ts";

const NOWHERE = "http://127.0.0.1:9/";

export async function open(url, { run }) {
  const replica = new Replicache({
    name: `run${run}`,
    licenseKey: TEST_LICENSE_KEY,
    pushURL: `${url}/push`,
    pullURL: `${url}/pull`,
    pullInterval: null,
    pushDelay: 1,
    requestOptions: { minDelayMs: 1, maxDelayMs: 60_000 },
    kvStore: "mem",
    logLevel: "error",
    mutators: { put: (tx, row) => tx.set(`row/${row.id}`, row) },
  });
  const read = (id) => replica.query((tx) => tx.get(`row/${id}`));
  const keys = () => replica.query((tx) => tx.scan({ prefix: "row/" }).keys().toArray());
  return {
    copy: async () => {
      await replica.pull();
      await until(async () => !(await replica.query((tx) => tx.isEmpty())), 5);
    },
    read,
    size: async () => (await keys()).length,
    offline: async () => {},
    nothing: async () => {
      await replica.pull();
    },
    catchUp: async (seen) => {
      await replica.pull();
      await until(seen, 1);
    },
    queue: async (rows) => {
      replica.pushURL = NOWHERE;
      for (const row of rows) await replica.mutate.put(row);
    },
    push: async (held) => {
      replica.pushURL = `${url}/push`;
      // Rejects where an attempt to reach nowhere is still under way; the next one is sent by itself.
      void replica.push({ now: true }).catch(() => {});
      await held();
    },
    close: () => replica.close(),
  };
}
