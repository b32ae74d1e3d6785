import { expect, it } from "vitest";
import type { Write } from "../../src/model/mutation.ts";
import { type Collections, inherit } from "../../src/server/index.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { folderOf } from "../support/folder.ts";
import { cursorOf, ofOp, TestServer } from "../support/server.ts";

const put = (key: string, atoms: object = {}): Write => {
  const [collection, id] = key.split("/") as [string, string];
  return { op: "insert", collection, record: { id, ...atoms } };
};
const set = (key: string, atoms: object): Write => ({ ...(put(key, atoms) as Write & { op: "insert" }), op: "update" });

const TASKS: Collections = {
  tasks: { scopes: (record) => [`p/${record["project"]}`] },
  comments: { scopes: inherit("taskId", "tasks") },
};
const comments = (task: string, count: number) =>
  Array.from({ length: count }, (_, i) => put(`comments/${task}-${i}`, { taskId: task }));

it("[M8 P1] when a task moves, its comments leave one scope and come whole into the other, under one revision", async () => {
  await using server = new TestServer({ collections: TASKS });
  await server.write("c", [put("tasks/t", { project: 1 }), ...comments("t", 3)]);
  const first = await server.pull([{ scope: "p/1" }, { scope: "p/2" }, { scope: "*" }]);
  await server.write("c", set("tasks/t", { project: 2 }));
  const cursor = (scope: string) => ({ scope, cursor: cursorOf(first, scope) });
  const from = await server.pull([cursor("p/1")]);
  expect(
    ofOp(from, "remove")
      .map(({ collection, ids }) => [collection, ids.length])
      .sort(),
  ).toEqual([
    ["comments", 3],
    ["tasks", 1],
  ]);
  const to = await server.pull([cursor("p/2")]);
  expect(
    ofOp(to, "put")
      .map(({ collection, records }) => [collection, records.length])
      .sort(),
  ).toEqual([
    ["comments", 3],
    ["tasks", 1],
  ]);
  const all = await server.pull([cursor("*")]);
  expect([ofOp(all, "patch"), ofOp(all, "put")]).toEqual([
    [{ op: "patch", collection: "tasks", at: 2, records: [{ id: "t", project: 2 }] }],
    [],
  ]);
});

it("[M8 W6] mutations that move too many together move them one after the other, and one that does alone is rejected", async () => {
  await using server = new TestServer({ collections: TASKS, limits: { descendants: 5 } });
  await server.write("c", [
    put("tasks/t", { project: 1 }),
    put("tasks/u", { project: 1 }),
    put("tasks/v", { project: 1 }),
  ]);
  for (const [task, count] of [
    ["t", 4],
    ["u", 4],
    ["v", 6],
  ] as const)
    await server.write("c", comments(task, count));
  const mutations = ["t", "u", "v", "t"].map((task, i) => ({
    id: i + 1,
    base: 4,
    writes: [set(`tasks/${task}`, { project: 2 + i })],
  }));
  const { outcomes, lastMutation } = await server.push({ client: "d", mutations });
  expect([lastMutation, outcomes.map(({ status }) => status)]).toEqual([
    4,
    ["applied", "applied", "rejected", "applied"],
  ]);
  expect(outcomes[2]).toMatchObject({ code: "too-many-descendants", message: expect.stringMatching(/^6 records/) });
  const both = await server.push({
    client: "e",
    mutations: [{ id: 1, base: 7, writes: [set("tasks/t", { project: 9 }), set("tasks/u", { project: 9 })] }],
  });
  expect(both.outcomes[0]).toMatchObject({ status: "rejected", message: expect.stringMatching(/^8 records/) });
  const { scopes } = await server.head("?scope=p/5&scope=p/3&scope=p/1&scope=p/9");
  expect(Object.values(scopes ?? {}).map(({ count }) => count)).toEqual([5, 5, 7, 0]);
});

it("[M8 C8] scopes that are declared to be inherited, or whose parents' scopes change, move records at the start", async () => {
  const path = folderOf();
  const start = (collections: Collections) => new TestServer({ collections }, { store: openSqliteStore({ path }) });
  const counts = async (server: TestServer, ...scopes: string[]) => {
    const head = await server.head(`?${scopes.map((scope) => `scope=${scope}`).join("&")}`);
    return scopes.map((scope) => head.scopes?.[scope]?.count);
  };
  const plain = start({ tasks: {}, comments: {}, likes: {} });
  await plain.write("c", [
    put("tasks/t", { project: 1, team: 7 }),
    ...comments("t", 700),
    put("likes/l", { commentId: "t-3" }),
  ]);
  const first = await plain.pull([{ scope: "p/1" }]);
  await plain.server.close();

  const tree: Collections = { likes: { scopes: inherit("commentId", "comments") }, ...TASKS };
  const inherited = start(tree);
  expect(await counts(inherited, "p/1", "*")).toEqual([702, 702]);
  const lines = await inherited.pull([{ scope: "p/1", cursor: cursorOf(first, "p/1") }]);
  expect(ofOp(lines, "put").flatMap(({ records }) => records)).toHaveLength(702);
  await inherited.write("d", set("tasks/t", { project: 2 }));
  expect(await counts(inherited, "p/1", "p/2")).toEqual([0, 702]);
  await inherited.server.close();

  const byTeam = start({ ...tree, tasks: { scopes: (record) => [`team/${record["team"]}`] } });
  expect(await counts(byTeam, "p/2", "team/7")).toEqual([0, 702]);
  await byTeam.server.close();
  await using back = start({ ...TASKS, comments: { scopes: () => ["comments"] }, likes: {} });
  expect(await counts(back, "p/2", "team/7", "comments")).toEqual([1, 0, 700]);
  await back.write("e", set("tasks/t", { project: 3 }));
  expect(await counts(back, "p/3", "comments")).toEqual([1, 700]);
});

it("[M9 C8] a tree is put in place from its roots, and records that were their own ancestors are set apart until they are moved", async () => {
  const path = folderOf();
  const plain = new TestServer({ collections: { folders: {} } }, { store: openSqliteStore({ path }) });
  await plain.write("c", [
    put("folders/a", { in: "b" }),
    put("folders/b", { in: "c" }),
    put("folders/c", { project: 1 }),
    put("folders/x", { in: "y" }),
    put("folders/y", { in: "x" }),
    put("folders/z", { in: "y" }),
  ]);
  await plain.server.close();
  const collections = { folders: { scopes: inherit("in", "folders", (record) => [`p/${record["project"]}`]) } };
  await using server = new TestServer({ collections }, { store: openSqliteStore({ path }) });
  expect((await server.head("?scope=p/1")).scopes?.["p/1"]?.count).toBe(3);
  const outcome = async (write: Write) => (await server.write("d", write)).outcomes[0];
  expect(await outcome(set("folders/x", { title: "still apart" }))).toMatchObject({ status: "applied" });
  expect(await outcome(set("folders/y", { in: "c" }))).toMatchObject({ status: "applied" });
  expect((await server.head("?scope=p/1")).scopes?.["p/1"]?.count).toBe(5);
  expect(await outcome(set("folders/x", { in: "z" }))).toMatchObject({ status: "applied" });
  expect((await server.head("?scope=p/1")).scopes?.["p/1"]?.count).toBe(6);
  expect(await outcome(set("folders/y", { in: "x" }))).toMatchObject({ status: "rejected", code: "circular" });
});
