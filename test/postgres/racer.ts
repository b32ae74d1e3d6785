// A process that writes to a store beside others. Each revision adds one record, named by the process.
// Arguments: the address of the database, a name, and how many commits to make.
import { openPostgresStore } from "../../src/store/postgres/index.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { batchOf, put, wantedFor } from "../../src/testing/store-batches.ts";

const [url = "", name = "", commits = "0"] = process.argv.slice(2);
const random = seededRandom(name);
const store = await openPostgresStore({ url });
let made = 0;
for (let commit = 0; commit < Number(commits); commit++) {
  const transactions = Array.from({ length: random.between(1, 3) }, () => ({
    puts: [put("items", `${name}${made++}`, {}, ["red"])],
  }));
  await store.write("acme", wantedFor(transactions), (loaded) => batchOf(loaded, transactions));
}
await store.close();
