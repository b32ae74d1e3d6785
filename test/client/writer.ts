// A client process that writes as fast as it can, until it is killed: node writer.ts URL FILE LIFE
import { createClient } from "../../src/client/index.ts";
import { sqliteStore } from "../../src/client/store/sqlite/index.ts";

const [url = "", path = "", life = ""] = process.argv.slice(2);
const client = createClient({ url, space: "acme", store: sqliteStore({ path }) });
// A record that a client has never seen is somebody else's, and adding to it is superseded (W3).
await client.subscribe({ scope: "*" }).ready;

for (let i = 0; ; i++) {
  const { local } = client.mutate((tx) => {
    tx.insert("items", { id: `${life}-${i}`, text: "x".repeat(500) });
    tx.update("items", "count", { n: { $add: 1 } });
  });
  await local;
  process.stdout.write(`${life}-${i}\n`);
  // Now and then all of it is sent before it goes on, so that a kill meets every phase.
  if (i % 7 === 3) await client.sync().catch(() => {});
}
