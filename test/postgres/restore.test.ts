import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openPostgresStore } from "../../src/store/postgres/index.ts";
import { withSchema } from "../support/postgres.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { cursorOf, insert, ofOp, TestServer, update } from "../support/server.ts";

test("[R2 P6] a database that is put back to an older copy is noticed, by servers and clients that never stopped", async () => {
  const postgres = await PostgresServer.start(["-c", "fsync=off"]);
  onTestFinished(() => postgres.end());
  const data = join(postgres.folder, "data");
  const store = await openPostgresStore({ url: withSchema(postgres.url, "restored") });
  await using server = new TestServer({}, { store });
  await server.write("c1", insert("a"));
  const shared = cursorOf(await server.pull([{ scope: "*" }]), "*");
  await postgres.stop();
  execFileSync("cp", ["-a", data, `${data}-older`]);
  await postgres.start();

  const lost = await server.write("c1", [update("a", { n: 1 }), insert("lost", { box: 1 })]);
  const cursor = cursorOf(await server.pull([{ scope: "*" }]), "*");
  await postgres.stop();
  execFileSync("mv", [data, `${data}-newer`]);
  execFileSync("mv", [`${data}-older`, data]);
  await postgres.start();

  const other = { client: "c2", mutations: [{ id: 1, base: 1, writes: [insert("other")] }] };
  expect((await server.push(other)).revision).toBe(lost.revision);
  const request = { subscriptions: [{ scope: "*", cursor }], known: [shared, cursor] };
  const lines = await server.pull(request);
  expect(ofOp(lines, "subscription")[0]).toMatchObject({
    mode: "copy",
    reason: "diverged",
    common: 1,
    restore: "heal",
  });
  expect(ofOp(lines, "put").flatMap(({ records }) => records.map(({ id }) => id))).toEqual(["a", "other"]);
  expect((await server.pull([{ scope: "*", cursor: shared }]))[1]).toMatchObject({ mode: "delta", since: 1 });
});
