// A process that writes to a store until it is killed. Standard output gets a line for each commit that was
// acknowledged, once it was: `REVISION HASH`, or a refusal as JSON.
// Arguments: the folder or the address of a database, a seed, and after how many commits to end by itself (0: never).
import { writeSync } from "node:fs";
import { isPostgresUrl, openPostgresStore } from "../../src/store/postgres/index.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { StoreError } from "../../src/store/store.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { ANN, batchOf, put, remove, wantedFor } from "../../src/testing/store-batches.ts";

const [where = "", seed = "", most = "0"] = process.argv.slice(2);
const random = seededRandom(seed);
const store = isPostgresUrl(where) ? await openPostgresStore({ url: where }) : openSqliteStore({ path: where });
for (let commits = 1; ; commits++) {
  // A database that is gone for a while is asked again.
  const head = await written().catch((error: unknown) => {
    if (!(error instanceof StoreError) || error.failure !== "unavailable") throw error;
    writeSync(1, `${JSON.stringify({ refused: error.message })}\n`);
  });
  if (head) writeSync(1, `${head.revision} ${head.hash}\n`);
  if (commits === Number(most)) break;
}
await store.close();

/** One commit, and now and then a cut; gives the head after them. */
async function written() {
  const transactions = Array.from({ length: random.between(1, 5) }, () => ({
    puts: Array.from({ length: random.between(1, 8) }, () => {
      const id = `r${random.below(200)}`;
      const text = "x".repeat(random.below(2000));
      return random.chance(0.2) ? remove("items", id) : put("items", id, { text }, [`s${random.below(3)}`]);
    }),
  }));
  const distinct = transactions.map(({ puts }) => ({ puts: [...new Map(puts.map((one) => [one.id, one])).values()] }));
  await store.write("acme", wantedFor(distinct), (loaded) => {
    const revision = loaded.head.revision + distinct.length;
    const outcome = { id: revision, status: "applied", revision } as const;
    return batchOf(loaded, distinct, {
      clients: [{ author: ANN, last: revision, acked: loaded.head.revision, was: [], seen: revision }],
      outcomes: [{ author: ANN, id: revision, content: "ab".repeat(16), outcome, time: revision }],
    });
  });
  const head = await store.head("acme");
  if (random.chance(0.2)) {
    const journal = (head?.revision ?? 0) - 300;
    await store.cut("acme", { journal, tombstones: journal - 300, outcomes: journal }, 50);
  }
  return head;
}
