import { get } from "node:http";
import { Replicache, TEST_LICENSE_KEY } from "replicache";

const replica = (url, name) =>
  new Replicache({
    name,
    licenseKey: TEST_LICENSE_KEY,
    pushURL: `${url}/push`,
    pullURL: `${url}/pull`,
    pullInterval: null,
    pushDelay: 0,
    requestOptions: { minDelayMs: 1, maxDelayMs: 60_000 },
    kvStore: "mem",
    logLevel: "error",
    mutators: { put: (tx, row) => tx.set(`row/${row.id}`, row) },
  });

export async function follow(url, name, told) {
  const replicache = replica(url, name);
  const watching = { prefix: "row/", initialValuesInFirstDiff: true };
  // Its first pull is applied after pull() has resolved.
  await new Promise((copied) => {
    replicache.experimentalWatch((changes) => {
      for (const { newValue } of changes) if (newValue) told(newValue.id, newValue.updated);
      if (changes.length > 0) copied();
    }, watching);
    void replicache.pull();
  });
  await new Promise((open) => {
    get(`${url}/pokes`, { agent: false }, (response) => {
      response.on("data", () => void replicache.pull());
      open();
    });
  });
}

export async function openWriter(url, name) {
  const replicache = replica(url, name);
  await replicache.pull();
  return (row) => replicache.mutate.put(row);
}
