import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { good, insert, problemIn, SPACE, TestServer } from "../support/server.ts";

const PUSH = `${SPACE}/push`;
const PULL = `${SPACE}/pull`;
const VERIFY = `${SPACE}/verify`;

/** One server for all: whatever came before, it goes on. */
let server: TestServer;
beforeAll(async () => {
  server = new TestServer();
  await server.write("c0", insert("a"));
});
afterAll(() => server.server.close());

const record = (atoms: string) =>
  `{"client":"c1","mutations":[{"id":1,"base":0,"writes":[{"op":"insert","collection":"items","record":${atoms}}]}]}`;
const write = (text: string) => `{"client":"c1","mutations":[{"id":1,"base":0,"writes":[${text}]}]}`;
const where = "mutations[0].writes[0]";

async function refused(path: string, body: NonNullable<RequestInit["body"]>, headers: Record<string, string> = {}) {
  const request = { method: "POST", headers: { "content-type": "application/json", ...headers }, body };
  const problem = await problemIn(server.request(path, request));
  expect(problem.detail).not.toMatch(/ {2}at |\.ts:|node_modules/);
  expect((await server.head()).revision).toBe(1);
  return problem;
}

describe("bodies", () => {
  it.each([
    ["nothing", ""],
    ["half a body", '{"client":"c1","muta'],
    ["no JSON", "client=c1"],
    ["two values", '{"client":"c1"}{"client":"c2"}'],
    ["a value that is no object", "[]"],
    ["null", "null"],
    ["a text", '"push"'],
    ["NaN", record('{"id":"a","n":NaN}')],
    ["a control character in a string", record('{"id":"a","n":"\u0001"}')],
    ["a number that is not finite", record('{"id":"a","n":1e999}')],
    ["a key that comes twice", record('{"id":"a","n":1,"n":2}')],
    ["a key that comes twice, once in escapes", record('{"id":"a","n":1,"\\u006e":2}')],
    ["__proto__", record('{"id":"a","__proto__":{"admin":true}}')],
    ["__proto__ deep inside", record('{"id":"a","n":[{"m":{"__proto__":1}}]}')],
    ["__proto__ in escapes", record('{"id":"a","\\u005f_proto__":1}')],
    ["constructor", record('{"id":"a","constructor":1}')],
    ["prototype", '{"prototype":{},"client":"c1","mutations":[]}'],
  ])("[A5] [W7] [M7] %s is invalid, and applies nothing", async (_, body) => {
    expect(await refused(PUSH, body)).toMatchObject({ status: 400, code: "invalid" });
  });

  it("[A5] what is not UTF-8 is invalid", async () => {
    const bytes = Buffer.from(record('{"id":"a","n":"\u00e9"}'), "latin1");
    expect(await refused(PUSH, bytes)).toMatchObject({ code: "invalid", detail: expect.stringContaining("UTF-8") });
    const wide = Buffer.from(record('{"id":"a"}'), "utf16le");
    expect(await refused(PUSH, wide)).toMatchObject({ code: "invalid" });
  });

  it.each([
    ["another type", { "content-type": "text/plain" }],
    ["a form", { "content-type": "application/x-www-form-urlencoded" }],
    ["another charset", { "content-type": "application/json; charset=iso-8859-1" }],
    ["an encoding that nobody knows", { "content-encoding": "rot13" }],
    ["an encoding that it is not", { "content-encoding": "gzip" }],
    ["two encodings", { "content-encoding": "gzip, br" }],
  ])("[A5] %s is invalid", async (_, headers) => {
    expect(await refused(PUSH, '{"client":"c1","mutations":[]}', headers)).toMatchObject({
      status: 400,
      code: "invalid",
    });
  });

  it.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
    ["zstd", zstdCompressSync],
  ])("[A5] a bomb in %s is too large, and a truncated body is invalid", async (encoding, compress) => {
    const bomb = compress(Buffer.alloc(64 * 1_048_576, " "));
    expect(bomb.length).toBeLessThan(100_000);
    expect(await refused(PUSH, bomb, { "content-encoding": encoding })).toMatchObject({
      status: 413,
      code: "too-large",
    });
    const whole = compress(record('{"id":"a"}'));
    const cut = whole.subarray(0, whole.length - 6);
    expect(await refused(PUSH, cut, { "content-encoding": encoding })).toMatchObject({ code: "invalid" });
  });

  it("[M7] [A5] a body above 8 MiB is too large, said or unsaid", async () => {
    const big = record(`{"id":"a","n":"${"x".repeat(8 * 1_048_576)}"}`);
    expect(await refused(PUSH, big)).toMatchObject({ status: 413, code: "too-large" });
    const stream = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 9; i++) controller.enqueue(new Uint8Array(1_048_576).fill(0x20));
        controller.close();
      },
    });
    const request = {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: stream,
      duplex: "half" as const,
    };
    expect(await problemIn(server.request(PUSH, request))).toMatchObject({ code: "too-large" });
    expect(await refused(PUSH, "{}", { "content-length": "99999999" })).toMatchObject({ code: "too-large" });
  });

  it("[M7] JSON nests 32 deep inside an atom, and no deeper, however deep", async () => {
    const nested = (depth: number) => record(`{"id":"deep","n":${"[".repeat(depth)}${"]".repeat(depth)}}`);
    for (const depth of [33, 100, 1_000_000])
      expect(await refused(PUSH, nested(depth))).toMatchObject({ code: "invalid" });
    await using other = new TestServer();
    expect((await other.post(PUSH, nested(32))).status).toBe(200);
  });

  it("[A5] a body that breaks off is invalid", async () => {
    const body = new ReadableStream({
      pull(controller) {
        controller.error(new Error("connection reset by SECRET"));
      },
    });
    const request = { method: "POST", headers: { "content-type": "application/json" }, body, duplex: "half" as const };
    const problem = await problemIn(server.request(PUSH, request));
    expect(problem).toMatchObject({ code: "invalid" });
    expect(problem.detail).not.toContain("SECRET");
  });
});

describe("names and values", () => {
  it.each([
    ["an empty id", record('{"id":""}'), `${where}.record.id`],
    ["no id", record('{"n":1}'), `${where}.record.id`],
    ["an id that is a number", record('{"id":7}'), `${where}.record.id`],
    ["an id of 257 bytes", record(`{"id":"${"\u00e9".repeat(128)}x"}`), `${where}.record.id`],
    ["an id with a control character", record('{"id":"a\\u0000b"}'), `${where}.record.id`],
    ["an id with a lone surrogate", record('{"id":"\\ud800"}'), `${where}.record.id`],
    ["an atom's name with a dash", record('{"id":"a","a-b":1}'), `${where}.record.a-b`],
    [
      "an atom's name of 65 characters",
      record(`{"id":"a","${"a".repeat(65)}":1}`),
      `${where}.record.${"a".repeat(64)}`,
    ],
    ["a lone surrogate in a value", record('{"id":"a","n":"x\\udc00"}'), `${where}.record.n`],
    ["a lone surrogate in a nested key", record('{"id":"a","n":{"\\ud800":1}}'), `${where}.record.n`],
    ["a collection's name with a slash", write('{"op":"delete","collection":"a/b","id":"x"}'), `${where}.collection`],
    ["an op that nobody knows", write('{"op":"merge","collection":"items","id":"x"}'), `${where}.op`],
    ["the reserved op call", write('{"op":"call","name":"x"}'), `${where}.op`],
    ["an update without a record", write('{"op":"update","collection":"items","id":"x"}'), `${where}.record`],
    ["a base below 0", '{"client":"c1","mutations":[{"id":1,"base":-1,"writes":[]}]}', "mutations[0].base"],
    [
      "a base that is no whole number",
      '{"client":"c1","mutations":[{"id":1,"base":0.5,"writes":[]}]}',
      "mutations[0].base",
    ],
    ["an id of a mutation below 1", '{"client":"c1","mutations":[{"id":0,"base":0,"writes":[]}]}', "mutations[0].id"],
    [
      "an id of a mutation beyond 2^53",
      '{"client":"c1","mutations":[{"id":9007199254740993,"base":0,"writes":[]}]}',
      "mutations[0].id",
    ],
    ["no client", '{"mutations":[]}', "client"],
    ["a client with a line break", '{"client":"a\\nb","mutations":[]}', "client"],
    ["mutations that are no list", '{"client":"c1","mutations":{}}', "mutations"],
    [
      "an expectation that is no object",
      write('{"op":"delete","collection":"items","id":"x","expect":7}'),
      `${where}.expect`,
    ],
    [
      "a flag that is a text",
      '{"client":"c1","mutations":[{"id":1,"base":0,"whole":"yes","writes":[]}]}',
      "mutations[0].whole",
    ],
  ])("[M7] [H1] %s is invalid, with its path", async (_, body, path) => {
    expect(await refused(PUSH, body)).toMatchObject({ status: 400, code: "invalid", path });
  });

  it.each([
    ["mutations", { client: "c1", mutations: Array(1_001).fill({ id: 1, base: 0, writes: [] }) }, "mutations"],
    [
      "writes",
      { client: "c1", mutations: [{ id: 1, base: 0, writes: Array(1_001).fill(insert("a")) }] },
      "mutations[0].writes",
    ],
  ])("[M7] more than 1,000 %s are too large", async (_, body, path) => {
    expect(await refused(PUSH, JSON.stringify(body))).toMatchObject({ status: 413, code: "too-large", path });
  });

  it.each([
    ["a scope with a space", PULL, { subscriptions: [{ scope: "a b" }] }, "subscriptions[0].scope"],
    ["a scope of 257 bytes", PULL, { subscriptions: [{ scope: "a".repeat(257) }] }, "subscriptions[0].scope"],
    ["a pattern with an asterisk within", PULL, { subscriptions: [{ scope: "box/*/a*" }] }, "subscriptions[0].scope"],
    ["a cursor that is a number", PULL, { subscriptions: [{ scope: "*", cursor: 7 }] }, "subscriptions[0].cursor"],
    [
      "an operator that nobody knows",
      PULL,
      { subscriptions: [{ scope: "*", where: { n: { $like: "x" } } }] },
      "subscriptions[0].where.n.$like",
    ],
    ["a filter that is a list", PULL, { subscriptions: [{ scope: "*", where: [] }] }, "subscriptions[0].where"],
    [
      "an atom's name in a filter",
      PULL,
      { subscriptions: [{ scope: "*", where: { "a b": 1 } }] },
      "subscriptions[0].where.a b",
    ],
    [
      "a key that names a prototype",
      PULL,
      { subscriptions: [{ scope: "*", key: "__proto__" }] },
      "subscriptions[0].key",
    ],
    ["no subscriptions", PULL, {}, "subscriptions"],
    ["a wait that is a text", PULL, { subscriptions: [], wait: "long" }, "wait"],
    ["a verify without a subscription", VERIFY, { ranges: [] }, "subscription"],
    ["a verify without ranges", VERIFY, { subscription: { scope: "*" } }, "ranges"],
  ])("[M7] [P11] %s is invalid, with its path", async (_, address, body, path) => {
    expect(await refused(address, JSON.stringify(body))).toMatchObject({ code: "invalid", path });
  });

  it("[M7] more than 1,000 subscriptions are too large", async () => {
    const subscriptions = Array.from({ length: 1_001 }, (_, i) => ({ scope: `s/${i}` }));
    expect(await refused(PULL, JSON.stringify({ subscriptions }))).toMatchObject({
      code: "too-large",
      path: "subscriptions",
    });
  });

  it.each(["Acme", "-acme", "a".repeat(64), "a_b", "%00", "..%2f"])("[M7] %s is no name of a space", async (name) => {
    expect(await problemIn(server.request(`/v1/spaces/${name}`))).toMatchObject({
      status: 400,
      code: "invalid",
      path: "space",
    });
  });

  it("[M7] a record above 1 MiB is rejected, and the next mutation goes on", async () => {
    await using other = new TestServer();
    const big = await other.write("c1", insert("a", { n: "x".repeat(1_048_577) }));
    expect(big.outcomes).toMatchObject([{ status: "rejected", code: "too-large" }]);
    expect((await other.write("c1", insert("a"))).outcomes).toMatchObject([{ status: "applied" }]);
  });

  it("[M7] what is allowed is kept as it came: U+0000 in a value, any plane, emptiness", async () => {
    await using other = new TestServer();
    const atoms = { zero: "a\u0000b", plane: "\u{1F600}\uFF5E", empty: "", nested: { "": [null, { k: -0.5e-7 }] } };
    await other.write("c1", insert("\u{1F600}/..", atoms));
    const text = await (await other.post(PULL, { subscriptions: [{ scope: "*" }] })).text();
    const put = text.split("\n").find((line) => line.includes('"put"'));
    expect(JSON.parse(put as string).records).toEqual([{ id: "\u{1F600}/..", ...atoms }]);
  });

  it("[H10] fields that nobody knows are ignored", async () => {
    await using other = new TestServer();
    const push = {
      client: "c1",
      later: 1,
      mutations: [{ id: 1, base: 0, later: 1, writes: [{ ...insert("a"), later: 1 }] }],
    };
    expect(await good(await other.post(PUSH, push))).toMatchObject({ lastMutation: 1 });
    const pull = { subscriptions: [{ scope: "*", later: 1 }], later: [1] };
    expect((await other.post(PULL, pull)).status).toBe(200);
  });

  it("[H1] problems are problem details of a closed list, with cause and cure", async () => {
    expect(await refused(PUSH, "{}")).toEqual({
      type: "urn:tidemark:problem:invalid",
      title: "invalid",
      status: 400,
      code: "invalid",
      detail: expect.stringMatching(/\w/),
      path: "client",
    });
  });
});
