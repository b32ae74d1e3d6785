import { expect, it } from "vitest";
import { insert, TestServer, update } from "../support/server.ts";
import { clientOf } from "./support.ts";

it("[C16] it tells what waits, what is followed, and what became of what was written", async () => {
  await using server = new TestServer();
  await server.write("other", [insert("1", { box: "a", n: 1 }), insert("2", { box: "b", n: 1 })]);
  const client = clientOf({
    url: "http://localhost",
    fetch: async (input, init) => await server.server.handler(new Request(input, init)),
  });
  await client.subscribe({ scope: "box/a" }).ready;
  await server.write("other", update("1", { n: 2 }));
  const lost = client.mutate((tx) => tx.update("items", "1", { n: 3 }, { expect: { n: 1 } }));
  await lost.settled;
  const fine = client.mutate((tx) => tx.insert("items", { id: "3", box: "a" }));
  await fine.settled;
  const { pending, subscriptions, outcomes } = await client.inspect();
  expect(pending).toEqual([]);
  expect(subscriptions).toMatchObject([{ key: "box/a", scope: "box/a", count: 2, revoked: false }]);
  expect(subscriptions[0]?.revision).toBe(client.status.revision);
  expect(outcomes.map(({ outcome }) => outcome)).toEqual([await fine.settled, await lost.settled]);
  expect(outcomes[1]?.mutation.writes).toMatchObject([{ op: "update", record: { id: "1", n: 3 } }]);
});

it("[C16] what has no outcome is told in the order in which it was made", async () => {
  const client = clientOf({ fetch: () => new Promise(() => {}) });
  for (const id of ["b", "a"]) await client.mutate((tx) => tx.insert("items", { id })).local;
  const { pending, outcomes } = await client.inspect();
  expect(pending.map(({ mutation }) => mutation.writes)).toMatchObject([
    [{ op: "insert", record: { id: "b" } }],
    [{ op: "insert", record: { id: "a" } }],
  ]);
  expect(outcomes).toEqual([]);
});
