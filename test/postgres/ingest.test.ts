// What comes in, over PostgreSQL: the tests of runs, duplicates and comparisons, and several runners on one database.
import { afterAll, describe, expect, test } from "vitest";
import { Busy, clean, Fenced, type Stream } from "../../src/ingest/index.ts";
import { openPostgresStore } from "../../src/store/postgres/index.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { checkWhole, killedAfter } from "../ingest/killed.ts";
import { Desk, ListSource, put, SPACE, storesAre } from "../ingest/support.ts";
import { dropEmptied, postgresStore, schemaUrl } from "../support/postgres.ts";

const ROUNDS = process.env["TIDEMARK_LONG"] ? 50 : 3;
/** Longer than a lease. */
const LATER = 120_000;

storesAre(postgresStore);
afterAll(dropEmptied);

describe("on PostgreSQL", async () => {
  await import("../ingest/run.test.ts");
  await import("../ingest/verify.test.ts");
  await import("../ingest/replaces.test.ts");
  await import("../ingest/duplicates.test.ts");
});

test(`[I1] on PostgreSQL a runner that is killed loses no row and brings none twice, in ${ROUNDS} kills (seed ingest)`, async () => {
  const url = await schemaUrl();
  const store = await openPostgresStore({ url });
  const random = seededRandom("ingest");
  let acknowledged = 0;
  for (let round = 0; round < ROUNDS; round++) {
    acknowledged = Math.max(acknowledged, await killedAfter(url, random.between(1, 12), round * LATER));
    await checkWhole(store, acknowledged);
  }
  expect(acknowledged).toBeGreaterThan(0);
  await store.close();
}, 600_000);

test("[I1] of two servers on one database the second is busy while the lease holds, and fences the first when it has ended", async () => {
  const url = await schemaUrl();
  const [one, two] = [await openPostgresStore({ url }), await openPostgresStore({ url })];
  const old = deskOf(one);
  const { promise: reading, resolve: reached } = Promise.withResolvers<void>();
  const { promise: gate, resolve: go } = Promise.withResolvers<void>();
  old.source.pages = async function* () {
    yield { changes: [put("a", { from: "old" })], cursor: 1 };
    reached();
    await gate;
    yield { changes: [put("b", { from: "old" })], cursor: 2, last: "caught-up" };
  };
  const run = old.desk.run("list.things");
  await reading;
  const late = deskOf(two);
  late.source.adds([put("a", { from: "new" })], 9);
  await expect(late.desk.run("list.things")).rejects.toThrow(Busy);
  // The first has stood still; the clock of the second has not.
  late.ahead(LATER);
  expect(await late.desk.run("list.things")).toMatchObject({ status: "done" });
  go();
  await expect(run).rejects.toThrow(Fenced);
  expect(await late.desk.records("things")).toEqual({ a: { id: "a", from: "new" } });
  await Promise.all([one.close(), two.close()]);
});

function deskOf(store: Awaited<ReturnType<typeof openPostgresStore>>) {
  const source = new ListSource("list", "things", "reported");
  const streams = [clean(source.streams[0] as Stream, { collection: "things" })];
  const desk = new Desk({ [SPACE]: [{ source, streams }] }, { store });
  return { source, desk, ahead: (ms: number) => desk.clock.jump(ms) };
}
