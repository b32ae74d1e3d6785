import { expect, onTestFinished, test } from "vitest";
import { openPostgresStore } from "../../src/store/postgres/index.ts";
import { STILL } from "../support/clock.ts";
import { schemaOf, schemaUrl, statement } from "../support/postgres.ts";
import { cursorOf, endOf, insert, ofOp, TestServer } from "../support/server.ts";

/** Two servers on one database. Their clocks stand still: neither looks for news by itself. */
async function twoServers() {
  const url = await schemaUrl();
  const servers = await Promise.all(
    [0, 1].map(async () => {
      const store = await openPostgresStore({ url });
      const server = new TestServer({}, { store, clock: STILL });
      onTestFinished(() => store.close());
      return server;
    }),
  );
  return { url, servers: servers as [TestServer, TestServer] };
}

/** Resolves when a pull waits at the server. */
async function waited(server: TestServer): Promise<void> {
  await expect.poll(async () => (await server.request("/metrics")).text()).toMatch(/waiting_pulls 1\n/);
}

test("[R7 P12] a pull that waits at one server is answered by what was pushed to another", async () => {
  const { servers } = await twoServers();
  const [one, other] = servers;
  await one.write("c1", insert("a"));
  const cursor = cursorOf(await other.pull([{ scope: "*" }]), "*");
  const pulled = other.pull({ subscriptions: [{ scope: "*", cursor }], wait: 25 });
  await waited(other);
  await one.write("c1", insert("b"));
  expect(ofOp(await pulled, "put").flatMap(({ records }) => records)).toEqual([{ id: "b" }]);
});

test("[R7 R5] so it is after the connection was lost on which a server hears", async () => {
  const { url, servers } = await twoServers();
  const [one, other] = servers;
  await one.write("c1", insert("a"));
  const cursor = cursorOf(await other.pull([{ scope: "*" }]), "*");
  const pulled = other.pull({ subscriptions: [{ scope: "*", cursor }], wait: 25 });
  await waited(other);
  const cut = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'tidemark wake ${schemaOf(url)}'`;
  expect(await statement(url, cut)).toHaveLength(2);
  await one.write("c1", insert("b"));
  expect(endOf(await pulled).revision).toBe(2);
});

test("[R7 W6 A4 P1 R3] cursors, outcomes, clients and spaces are good at both", async () => {
  const { servers } = await twoServers();
  const [one, other] = servers;
  const push = { client: "c1", mutations: [{ id: 1, base: 0, writes: [insert("a", { n: 1 })] }] };
  const first = await one.push(push);
  expect(await other.push(push)).toEqual(first);
  expect(await other.push({ client: "c1", mutations: [{ id: 2, base: 1, writes: [insert("b")] }] })).toMatchObject({
    revision: 2,
    lastMutation: 2,
  });
  const cursor = cursorOf(await one.pull([{ scope: "*" }]), "*");
  await other.write("c2", insert("c"));
  const delta = await other.pull([{ scope: "*", cursor }]);
  expect(delta[1]).toMatchObject({ mode: "delta", since: 2 });
  expect(ofOp(delta, "put").flatMap(({ records }) => records)).toEqual([{ id: "c" }]);
  expect((await one.head()).revision).toBe(3);
});

test("[W6 M1] one mutation that reaches both servers at once is applied once, with one outcome", async () => {
  const { servers } = await twoServers();
  for (let id = 1; id <= 20; id++) {
    const push = { client: "c1", mutations: [{ id, base: 0, writes: [insert(`r${id}`)] }] };
    const [first, second] = await Promise.all(servers.map((server) => server.push(push)));
    expect(second?.outcomes).toEqual(first?.outcomes);
    expect((await (servers[0] as TestServer).head()).revision).toBe(id);
  }
});
