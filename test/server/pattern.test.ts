import { expect, it } from "vitest";
import type { Line } from "../../src/wire/lines.ts";
import type { SubscriptionRequest } from "../../src/wire/pull.ts";
import { cursorOf, endOf, insert, ofOp, problemIn, remove, SPACE, TestServer, update } from "../support/server.ts";

type Atoms = { readonly [atom: string]: unknown };
const COLLECTIONS = { items: { scopes: (record: Atoms) => [record["box"] ?? []].flat().map((box) => `box/${box}`) } };

/** A server whose grants change while it runs; who asks is in the token. */
function granting(may: Set<string>, limits = {}): TestServer {
  const server = new TestServer({
    collections: COLLECTIONS,
    limits,
    auth: {
      authenticate: (request) => ({ id: (request.headers.get("authorization") ?? "").replace("Bearer ", "") }),
      authorize: (user, action) =>
        user.id === "writer" ||
        (action.do === "head" ? user.id === "ann" : action.do === "read" && may.has(action.scope)),
    },
  });
  server.token = "ann";
  return server;
}

const WRITER = { token: "writer" };
const BOXES: SubscriptionRequest = { scope: "box/*" };

const told = (lines: readonly Line[]) => ({
  put: ofOp(lines, "put").flatMap(({ records }) => records.map(({ id }) => id)),
  patch: ofOp(lines, "patch").flatMap(({ records }) => records.map(({ id }) => id)),
  remove: ofOp(lines, "remove").flatMap(({ ids }) => ids),
});
const modeOf = (lines: readonly Line[]) => ofOp(lines, "subscription")[0];

it("[P14] a grant arrives as puts, a revocation as removes, by the same cursor and in the next pull", async () => {
  const may = new Set(["box/1"]);
  await using server = granting(may);
  await server.write(
    "w",
    [insert("a", { box: 1 }), insert("b", { box: 2 }), insert("c", { box: [1, 2] }), insert("d", { box: 3 })],
    {},
    WRITER,
  );
  let lines = await server.pull([BOXES]);
  expect(told(lines)).toEqual({ put: ["a", "c"], patch: [], remove: [] });
  may.add("box/2");
  lines = await server.pull([{ ...BOXES, cursor: cursorOf(lines, "box/*") }]);
  expect(modeOf(lines)).toMatchObject({ mode: "delta", since: 1 });
  expect(told(lines)).toEqual({ put: ["b"], patch: [], remove: [] });
  expect(endOf(lines).subscriptions["box/*"]?.count).toBe(3);
  may.delete("box/1");
  lines = await server.pull([{ ...BOXES, cursor: cursorOf(lines, "box/*") }]);
  expect(told(lines)).toEqual({ put: [], patch: [], remove: ["a"] });
  may.clear();
  lines = await server.pull([{ ...BOXES, cursor: cursorOf(lines, "box/*") }]);
  expect(told(lines)).toEqual({ put: [], patch: [], remove: ["b", "c"] });
  expect(endOf(lines).subscriptions["box/*"]).toMatchObject({ count: 0, digest: "0".repeat(32) });
});

it("[P14 P16 P2] a record that goes from one of its scopes to another was there throughout, and one that comes twice comes once", async () => {
  await using server = granting(new Set(["box/1", "box/2", "box/9"]));
  await server.write(
    "w",
    [insert("a", { box: 1, n: 1 }), insert("b", { box: 1 }), insert("c", { box: [1, 2] })],
    {},
    WRITER,
  );
  const first = await server.pull([BOXES]);
  expect(told(first).put).toEqual(["a", "b", "c"]);
  await server.write("w", [update("a", { box: 2 }), update("b", { box: 3 }), update("c", { box: 1 })], {}, WRITER);
  await server.write("w", insert("e", { box: 9 }), {}, WRITER);
  const lines = await server.pull([{ ...BOXES, cursor: cursorOf(first, "box/*") }]);
  expect(told(lines)).toEqual({ put: ["e"], patch: ["a", "c"], remove: ["b"] });
  expect(ofOp(lines, "patch")[0]?.records).toEqual([
    { id: "a", box: 2 },
    { id: "c", box: 1 },
  ]);
});

it("[P14 P16 P10] nothing to read is an empty subscription, whatever there is; who may not use the space is refused", async () => {
  await using server = granting(new Set());
  await server.write("w", insert("a", { box: 1 }), {}, WRITER);
  const [some, none] = [await server.pull([BOXES]), await server.pull([{ scope: "cup/*" }])];
  const shape = (lines: Line[]) => lines.map(({ op, ...line }) => [op, Object.keys(line)]);
  expect(shape(some)).toEqual(shape(none));
  expect(told(some).put).toEqual([]);
  expect(await problemIn(server.post(`${SPACE}/pull`, { subscriptions: [BOXES] }, { token: "eve" }))).toMatchObject({
    code: "forbidden",
  });
});

it("[P14 P12] nothing new is told in under 300 bytes, and a scope out of reach is no news", async () => {
  await using server = granting(new Set(["box/1", "box/3", "box/5"]));
  await server.write(
    "w",
    [1, 2, 3, 4, 5].map((box) => insert(`r${box}`, { box })),
    {},
    WRITER,
  );
  let cursor = cursorOf(await server.pull([BOXES]), "box/*");
  const text = async () => (await server.post(`${SPACE}/pull`, { subscriptions: [{ ...BOXES, cursor }] })).text();
  expect((await text()).length).toBeLessThan(300);
  await server.write("w", [update("r2", { n: 1 }), insert("r6", { box: 6 })], {}, WRITER);
  const answer = await text();
  expect(answer.length).toBeLessThan(300);
  expect(answer).not.toMatch(/r2|r6|"op":"(put|patch|remove)"/);
  cursor = cursorOf(
    answer
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Line),
    "box/*",
  );
  expect((await text()).length).toBeLessThan(300);
});

it("[P14 P16 P15] a large grant comes in pages with marks, from which a broken answer goes on, and ends where grants changed again", async () => {
  const may = new Set(["box/1"]);
  await using server = granting(may);
  for (let n = 0; n < 5; n++)
    await server.write(
      "w",
      Array.from({ length: 600 }, (_, i) => insert(`r${n}-${i}`, { box: 2 })),
      {},
      WRITER,
    );
  const first = cursorOf(await server.pull([BOXES]), "box/*");
  may.add("box/2");
  const lines = await server.pull([{ ...BOXES, cursor: first }]);
  const marks = ofOp(lines, "mark");
  expect(marks.length).toBeGreaterThanOrEqual(2);
  expect(told(lines).put).toHaveLength(3_000);
  const rest = await server.pull([{ ...BOXES, cursor: marks[0]?.cursor as string }]);
  expect(modeOf(rest)).toMatchObject({ mode: "delta", since: 5, reached: 5 });
  const shown = told(lines.slice(0, lines.indexOf(marks[0] as Line))).put.length;
  expect(told(rest).put).toHaveLength(3_000 - shown);
  may.delete("box/2");
  const anew = await server.pull([{ ...BOXES, cursor: marks[0]?.cursor as string }]);
  expect(modeOf(anew)).toEqual({ op: "subscription", key: "box/*", mode: "delta", since: 5 });
  expect(told(anew)).toEqual({ put: [], patch: [], remove: [] });
});

it("[P14 P16 P6] a cursor that cannot say which of very many scopes it covers is copied where they changed, and only there", async () => {
  const may = new Set<string>();
  await using server = granting(may);
  for (let box = 0; box < 800; box++) if (box % 2 === 0) may.add(`box/${box}`);
  await server.write(
    "w",
    Array.from({ length: 800 }, (_, i) => insert(`r${i}`, { box: i })),
    {},
    WRITER,
  );
  const names = await server.store.read("acme", [{ kind: "scopes", prefix: "box/", after: 0 }]);
  for (const [i, { scope }] of (names?.results[0] ?? []).entries()) i % 2 === 0 ? may.add(scope) : may.delete(scope);
  const first = await server.pull([BOXES]);
  const cursor = cursorOf(first, "box/*");
  expect(cursor.length).toBeLessThan(1_000);
  await server.write("w", update("r0", { n: 1 }), {}, WRITER);
  expect(modeOf(await server.pull([{ ...BOXES, cursor }]))).toMatchObject({ mode: "delta" });
  may.delete((names?.results[0] ?? [])[0]?.scope as string);
  expect(modeOf(await server.pull([{ ...BOXES, cursor }]))).toMatchObject({
    mode: "copy",
    reason: "changed",
    from: null,
  });
});

it("[P14 P16 V1] verify tells the ranges of all its scopes together", async () => {
  await using server = granting(new Set(["box/1", "box/2"]));
  await server.write(
    "w",
    Array.from({ length: 100 }, (_, i) => insert(`r${100 + i}`, { box: [1 + (i % 3), 2] })),
    {},
    WRITER,
  );
  const lines = await server.verify({ subscription: BOXES, ranges: [{ from: null, to: null }], fanout: 4, leaf: 30 });
  const ranges = ofOp(lines, "range");
  expect(ranges.reduce((sum, { count }) => sum + count, 0)).toBe(100);
  expect(ranges.flatMap(({ records }) => records ?? [])).toHaveLength(100);
  expect(endOf(lines).subscriptions["box/*"]?.count).toBe(100);
});

it("[P14 P16 P9] the fingerprint is told with every change while there are few records, and where it is asked for", async () => {
  await using server = granting(new Set(["box/1", "box/2"]), { writes: 20_000, rate: false });
  await server.write("w", [insert("a", { box: 1 }), insert("b", { box: 2 })], {}, WRITER);
  const first = await server.pull([BOXES]);
  expect(endOf(first).subscriptions["box/*"]).toMatchObject({ count: 2 });
  await server.write(
    "w",
    Array.from({ length: 10_001 }, (_, i) => insert(`r${i}`, { box: 2 })),
    {},
    WRITER,
  );
  const large = await server.pull([{ ...BOXES, cursor: cursorOf(first, "box/*") }]);
  expect(Object.keys(endOf(large).subscriptions["box/*"] ?? {})).toEqual(["cursor"]);
  const asked = await server.pull([{ ...BOXES, cursor: cursorOf(large, "box/*"), fingerprint: true }]);
  expect(endOf(asked).subscriptions["box/*"]).toMatchObject({ count: 10_003 });
});

it("[P14 P16 A8] a pattern stands for so many scopes at most; a head asks for scopes by name", async () => {
  await using server = granting(new Set(["box/1", "box/2"]), { matched: 1 });
  await server.write("w", [insert("a", { box: 1 }), insert("b", { box: 2 })], {}, WRITER);
  expect(await problemIn(server.post(`${SPACE}/pull`, { subscriptions: [BOXES] }))).toMatchObject({
    code: "too-large",
  });
  expect(await problemIn(server.request(`${SPACE}?scope=box/*`))).toMatchObject({ code: "invalid", path: "scope" });
});

it("[P14 M4] what was deleted in a scope before it was granted is not told of", async () => {
  const may = new Set<string>();
  await using server = granting(may);
  await server.write("w", [insert("secret", { box: 1 }), insert("a", { box: 1 })], {}, WRITER);
  await server.write("w", remove("secret"), {}, WRITER);
  const first = await server.pull([BOXES]);
  may.add("box/1");
  const lines = await server.pull([{ ...BOXES, cursor: cursorOf(first, "box/*") }]);
  expect(told(lines)).toEqual({ put: ["a"], patch: [], remove: [] });
});

it("[P14 L6] a pull that waits is answered when a grant changes", async () => {
  const may = new Set<string>();
  await using server = granting(may);
  await server.write("w", insert("a", { box: 1 }), {}, WRITER);
  const first = await server.pull([BOXES]);
  const waiting = server.pull({ subscriptions: [{ ...BOXES, cursor: cursorOf(first, "box/*") }], wait: 30 });
  may.add("box/1");
  await server.write("w", insert("b", { box: 2 }), {}, WRITER);
  expect(told(await waiting).put).toEqual(["a"]);
});
