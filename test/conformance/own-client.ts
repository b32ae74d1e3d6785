// Our own client, as the command that `tidemark conformance --client` runs. FAULT makes it one that does something wrong.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "../../src/client/index.ts";
import { sqliteStore } from "../../src/client/store/sqlite/index.ts";
import type { Write } from "../../src/model/mutation.ts";

const {
  TIDEMARK_URL: url,
  TIDEMARK_SPACE: space,
  TIDEMARK_STATE: state,
  FAULT,
} = process.env as Record<string, string>;
const client = createClient({
  url: url as string,
  space: space as string,
  store: sqliteStore({ path: join(state as string, "replica.db") }),
  live: false,
});
const subscription = client.subscribe({ scope: "*" });
for (const line of readFileSync(0, "utf8")
  .split("\n")
  .filter((text) => text !== "" && FAULT !== "makes no mutation")) {
  const { writes } = JSON.parse(line) as { writes: Write[] };
  client.mutate((tx) => {
    for (const write of writes) {
      if (write.op === "delete") tx.delete(write.collection, write.id);
      else if (write.op === "insert") tx.insert(write.collection, write.record);
      else tx.update(write.collection, write.record.id, write.record);
    }
  });
}
try {
  if (FAULT !== "never pulls") {
    await subscription.ready;
    await client.sync();
  }
  const { state: how } = client.status;
  const records = await client.query({ collection: space as string });
  const shown = FAULT === "hides one" ? records.slice(1) : records;
  for (const record of shown) process.stdout.write(`${JSON.stringify([space, record])}\n`);
  await client.close();
  process.exit(how === "upToDate" || FAULT !== undefined ? 0 : 1);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
