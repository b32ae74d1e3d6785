// Sources over HTTP, taken through a run into a space.
import { expect, test } from "vitest";
import { clean } from "../../src/ingest/index.ts";
import { Ingest } from "../../src/ingest/ingest.ts";
import { ga4 } from "../../src/ingest/sources/definitions/ga4.ts";
import { bearer } from "../../src/ingest/sources/http/auth.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { ga4Stub } from "../../src/testing/stubs/index.ts";
import { World } from "./http-support.ts";
import { rulesFor } from "./rules.ts";
import { SPACE } from "./support.ts";

test("[I34 I37] a day that is read anew replaces what the space held of it; a spent quota fails the run, and deletes nothing", async () => {
  const stub = ga4Stub({ token: "ya29" });
  const world = new World(stub.handler);
  using store = Object.assign(openSqliteStore({ path: ":memory:" }), { [Symbol.dispose]: () => void store.close() });
  const reports = [{ name: "visits", dimensions: ["country"], metrics: ["activeUsers"] }];
  const source = ga4({
    property: "1",
    auth: bearer("ya29"),
    reports,
    from: "2025-12-29",
    address: "http://ga.test/v1beta",
  });
  const streams = [clean(source.streams[0]!, { collection: "visits" })];
  const { clock, http } = world;
  const ingest = new Ingest(
    { store, folder: null, rules: rulesFor(clock), clock, http },
    { [SPACE]: [{ source, streams }] },
  );
  const run = () => world.run(ingest.run(SPACE, "ga4.visits"));

  stub.days.set("2025-12-29", [{ country: "FR", activeUsers: "9" }]);
  stub.days.set("2025-12-31", [
    { country: "DE", activeUsers: "1" },
    { country: "(other)", activeUsers: "2" },
  ]);
  expect(await run()).toMatchObject({ status: "done", kind: "complete", read: 3 });
  stub.days.set("2025-12-31", [{ country: "DE", activeUsers: "5" }]);
  expect(await run()).toMatchObject({ status: "done", kind: "incremental", deleted: 1 });
  expect(await run()).toMatchObject({ status: "done", deleted: 0 });

  stub.state.tokensLeft = 0;
  const row = await run();
  expect(row).toMatchObject({ status: "failed", deleted: 0 });
  expect(row.reasons[0]).toMatch(/^busy: .*asked again at 2026-01-\d\dT08:00:00/);
});
