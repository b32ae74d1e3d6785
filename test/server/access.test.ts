import { createServer as createHttp } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import { describe, expect, it } from "vitest";
import type { Action } from "../../src/model/grant.ts";
import { messages } from "../../src/server/live/messages.ts";
import { type Route, routes } from "../../src/server/routes.ts";
import { virtualClock } from "../../src/testing/clock.ts";
import type { LiveMessage } from "../../src/wire/live.ts";
import {
  good,
  insert,
  linesOf,
  ofOp,
  problemIn,
  SECRET,
  SPACE,
  TestServer,
  tokenFor,
  update,
} from "../support/server.ts";
import { held } from "../support/socket.ts";

const JWT = { auth: { jwtSecret: SECRET } };
const EVERYTHING = { acme: { read: ["*"], write: ["*"], admin: true } };

describe("who asks", () => {
  it("[A2] a token of the secret is let in, and its `sub` is the principal", async () => {
    await using server = new TestServer(JWT);
    server.token = await tokenFor("ann", EVERYTHING);
    await server.write("c1", insert("a"));
    const { entries } = (await good(await server.request(`${SPACE}/journal`))) as { entries: { author: object }[] };
    expect(entries[0]?.author).toMatchObject({ user: "ann", client: "c1" });
  });

  it.each([
    ["no token", undefined],
    ["nonsense", "abc"],
    ["an expired token", tokenFor("ann", EVERYTHING, Math.floor(Date.UTC(2020, 0) / 1000))],
    ["a token of another key", tokenFor("ann", EVERYTHING, "1h", "another secret that is long enough, too")],
    ["alg none", Promise.resolve(new UnsecuredJWT({ tidemark: EVERYTHING }).setSubject("ann").encode())],
    ["no subject", new SignJWT({}).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(SECRET))],
    ["a subject that is no id", tokenFor("a\nb", EVERYTHING)],
    [
      "another algorithm",
      new SignJWT({}).setProtectedHeader({ alg: "HS512" }).setSubject("ann").sign(new TextEncoder().encode(SECRET)),
    ],
  ])("[A2] %s is unauthenticated", async (_, token) => {
    await using server = new TestServer(JWT);
    const response = await server.request(SPACE, { token: await token });
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
    expect(await problemIn(response)).toMatchObject({ status: 401, code: "unauthenticated" });
  });

  it.each(["ES256", "EdDSA", "RS256"])("[A2] a token signed with %s is checked with the key set", async (alg) => {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    const stranger = await generateKeyPair(alg);
    const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: "k1", alg }] };
    const http = createHttp((_, response) => response.end(JSON.stringify(keys)));
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const jwksUrl = `http://127.0.0.1:${(http.address() as AddressInfo).port}/jwks`;
    await using server = new TestServer({}, { secrets: { jwksUrl } });
    const sign = (key: typeof privateKey) =>
      new SignJWT({ tidemark: EVERYTHING })
        .setProtectedHeader({ alg, kid: "k1" })
        .setSubject("ann")
        .setExpirationTime("1h")
        .sign(key);
    await server.write("c1", insert("a"), {}, { token: await sign(privateKey) });
    expect(await problemIn(server.request(SPACE, { token: await sign(stranger.privateKey) }))).toMatchObject({
      status: 401,
    });
    expect(await problemIn(server.request(SPACE, { token: await tokenFor("ann", EVERYTHING) }))).toMatchObject({
      status: 401,
    });
    http.close();
  });

  it("[A2] keys that cannot be fetched are the server's trouble, not the caller's", async () => {
    const { privateKey } = await generateKeyPair("ES256");
    await using server = new TestServer({}, { secrets: { jwksUrl: "http://127.0.0.1:9/jwks" } });
    const token = await new SignJWT({}).setProtectedHeader({ alg: "ES256" }).setSubject("ann").sign(privateKey);
    expect(await problemIn(server.request(SPACE, { token }))).toMatchObject({ status: 503, code: "unavailable" });
  });

  it("[A2] issuer and audience are checked where the configuration names them", async () => {
    await using server = new TestServer({ auth: { jwtSecret: SECRET, audience: "tidemark" } });
    const token = await tokenFor("ann", EVERYTHING);
    expect(await problemIn(server.request(SPACE, { token }))).toMatchObject({
      status: 401,
      detail: expect.stringContaining("aud"),
    });
  });

  it("[A2] `authenticate` and `authorize` of the configuration replace tokens and claims", async () => {
    const auth = {
      authenticate: async (request: Request) => {
        const id = request.headers.get("x-user");
        return id === null ? null : { id };
      },
      authorize: (user: { id: string }, action: Action) => user.id === "ann" && action.do !== "admin",
    };
    await using server = new TestServer({ auth });
    await server.write("c1", insert("a"), {}, { headers: { "x-user": "ann" } });
    expect(await problemIn(server.request(SPACE))).toMatchObject({ status: 401 });
    expect(await problemIn(server.request(SPACE, { headers: { "x-user": "bob" } }))).toMatchObject({ status: 403 });
    expect(await problemIn(server.request(`${SPACE}/journal`, { headers: { "x-user": "ann" } }))).toMatchObject({
      status: 403,
    });
  });

  it("[H11] who may not know of a space hears the same where it is and where it is not", async () => {
    const auth = { authenticate: () => ({ id: "bob" }), authorize: () => false };
    await using server = new TestServer({ auth, spaces: ["acme"] });
    const [there, not] = [await problemIn(server.request(SPACE)), await problemIn(server.request("/v1/spaces/none"))];
    expect(there).toMatchObject({ code: "forbidden" });
    expect(not).toEqual(there);
  });

  it("[A3] an `authorize` that throws has not said yes", async () => {
    const auth = {
      authenticate: () => ({ id: "ann" }),
      authorize: () => {
        throw new Error("secret detail");
      },
    };
    await using server = new TestServer({ auth });
    const problem = await problemIn(server.request(SPACE));
    expect(problem).toMatchObject({ status: 403 });
    expect(JSON.stringify(problem)).not.toContain("secret detail");
  });
});

describe("a promise of an answer", () => {
  it("[A3] is not a yes, and harms nobody where it fails", async () => {
    const failed: unknown[] = [];
    const note = (reason: unknown) => failed.push(reason);
    process.on("unhandledRejection", note);
    const authorize = (async () => Promise.reject(new Error("no"))) as never;
    await using server = new TestServer({ auth: { authenticate: () => ({ id: "ann" }), authorize } });
    expect(await problemIn(server.request(SPACE))).toMatchObject({ status: 403 });
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", note);
    expect(failed).toEqual([]);
  });
});

describe("what they may do", () => {
  async function twoBoxes(): Promise<TestServer> {
    const server = new TestServer(JWT);
    const token = await tokenFor("root", EVERYTHING);
    await server.write("c0", [insert("a", { box: 1 }), insert("b", { box: 2 })], {}, { token });
    return server;
  }

  it("[A2] a pattern is a scope, a prefix with a trailing *, or everything", async () => {
    await using server = await twoBoxes();
    const status = async (read: string[], scope: string) => {
      const token = await tokenFor("ann", { acme: { read } });
      return (await server.post(`${SPACE}/pull`, { subscriptions: [{ scope }] }, { token })).status;
    };
    expect(await status(["box/1"], "box/1")).toBe(200);
    expect(await status(["box/1"], "box/12")).toBe(403);
    expect(await status(["box/*"], "box/2")).toBe(200);
    expect(await status(["box/*"], "*")).toBe(403);
    expect(await status(["*"], "*")).toBe(200);
    expect(await status([], "box/1")).toBe(403);
  });

  it("[A2] a claim for another space is none for this one; the space * stands for all", async () => {
    await using server = await twoBoxes();
    const status = async (grants: Parameters<typeof tokenFor>[1]) =>
      (await server.request(SPACE, { token: await tokenFor("ann", grants) })).status;
    expect(await status({ other: { read: ["*"], admin: true } })).toBe(403);
    expect(await status({ "*": { read: ["*"] } })).toBe(200);
    expect(await status({ acme: { admin: true } })).toBe(200);
    expect(await status({ acme: {} })).toBe(403);
  });

  it("[P10] a scope that may not be read is refused alike where it exists and where it does not", async () => {
    await using server = await twoBoxes();
    const token = await tokenFor("ann", { acme: { read: ["box/2"] } });
    const answer = async (path: string, scope: string) => {
      const response = await server.post(
        path,
        { subscriptions: [{ scope }], subscription: { scope }, ranges: [] },
        { token },
      );
      return [response.status, await response.text()];
    };
    expect(await answer(`${SPACE}/pull`, "box/1")).toEqual(await answer(`${SPACE}/pull`, "box/none"));
    expect(await answer(`${SPACE}/verify`, "box/1")).toEqual(await answer(`${SPACE}/verify`, "box/none"));
    expect(await answer("/v1/spaces/acme/pull", "box/1")).toEqual(await answer("/v1/spaces/nowhere/pull", "box/1"));
  });

  it("[P10] in a pull of several a refused one is revoked, and the others go on", async () => {
    await using server = await twoBoxes();
    const token = await tokenFor("ann", { acme: { read: ["box/2"] } });
    const lines = await server.pull([{ scope: "box/1", key: "k" }, { scope: "box/2" }], { token });
    expect(ofOp(lines, "revoked")).toEqual([{ op: "revoked", key: "k" }]);
    expect(ofOp(lines, "put").flatMap(({ records }) => records)).toEqual([{ id: "b", box: 2 }]);
  });

  it("[A4] a cursor grants nothing: permission is asked at each use", async () => {
    await using server = await twoBoxes();
    const may = await tokenFor("ann", { acme: { read: ["box/1"] } });
    const mayNot = await tokenFor("ann", { acme: { read: ["box/2"] } });
    const lines = await server.pull([{ scope: "box/1" }], { token: may });
    const cursor = ofOp(lines, "end")[0]?.subscriptions["box/1"]?.cursor as string;
    const again = server.post(`${SPACE}/pull`, { subscriptions: [{ scope: "box/1", cursor }] }, { token: mayNot });
    expect(await problemIn(again)).toMatchObject({ status: 403 });
    expect(await problemIn(server.request(`${SPACE}?scope=box/1&cursor=${cursor}`, { token: mayNot }))).toMatchObject({
      status: 403,
    });
  });

  it("[A4] a client id of somebody else behaves just like one that does not exist", async () => {
    await using server = await twoBoxes();
    const token = await tokenFor("ann", EVERYTHING);
    expect((await server.head("?client=c0", { token })).lastMutation).toBe(0);
    expect((await server.head("?client=c9", { token })).lastMutation).toBe(0);
    const push = { client: "c0", mutations: [{ id: 1, base: 0, writes: [insert("z")] }] };
    expect(await server.push(push, { token })).toMatchObject({ lastMutation: 1, outcomes: [{ status: "applied" }] });
  });

  it("[W11] a write is asked for in every scope that its record is in, before and after", async () => {
    await using server = await twoBoxes();
    const token = await tokenFor("ann", { acme: { read: ["*"], write: ["box/1"] } });
    const status = async (write: ReturnType<typeof insert>) =>
      (await server.write("c1", write, {}, { token })).outcomes[0]?.status;
    expect(await status(update("a", { n: 1 }))).toBe("applied");
    expect(await status(update("b", { n: 1 }))).toBe("rejected");
    expect(await status(update("a", { box: 2 }))).toBe("rejected");
    expect(await status(insert("free"))).toBe("rejected");
  });
});

describe("routes", () => {
  const SCOPE = "box/1";
  const requests: { readonly [path: string]: object } = {
    "/v1/spaces/:space/pull": { subscriptions: [{ scope: SCOPE }] },
    "/v1/spaces/:space/verify": { subscription: { scope: SCOPE }, others: [{ scope: "box/2" }], ranges: [] },
    "/v1/spaces/:space/push": { client: "c1", mutations: [{ id: 1, base: 0, writes: [insert("x", { box: 1 })] }] },
    "/v1/spaces/:space/cut": { journal: "0s" },
  };

  function call(server: TestServer, { path, method, scopes, asks }: Route, page: string): Promise<Response> {
    if (asks === "ticket") return server.request(`${SPACE}/${page}`);
    const query = method === "GET" && scopes === "read" ? `?scope=${SCOPE}` : "";
    const address = path.replace(":space", "acme").replace(":collection", "items").replace(":id", "a") + query;
    return method === "GET" ? server.request(address) : server.post(address, requests[path] ?? {});
  }

  async function asking(answer: (action: Action) => boolean) {
    const asked: Action[] = [];
    let deciding = false;
    const authorize = (_: unknown, action: Action) => {
      if (!deciding) return true;
      asked.push(action);
      return answer(action);
    };
    const server = new TestServer({ auth: { authenticate: () => ({ id: "ann" }), authorize } });
    await server.write("c0", [insert("a", { box: 1 }), insert("b", { box: 2 })]);
    const large = (i: number) => insert(`p${i}`, { box: 1, text: "x".repeat(600_000) });
    await server.write("c0", [1, 2, 3, 4].map(large));
    const lines = await server.pull({ subscriptions: [{ scope: SCOPE }], pages: true });
    deciding = true;
    return { server, asked, page: ofOp(lines, "page")[0]?.href as string };
  }

  const open = routes.filter(({ asks }) => asks === "nothing").map(({ path }) => path);

  it("[A3] only health asks nobody", () => expect(open).toEqual(["/healthz", "/readyz"]));

  it.each(routes.filter(({ asks }) => asks !== "nothing"))(
    "[A3] $method $path asks `authorize`, and without its yes lets nothing through",
    async (route) => {
      const { server, asked, page } = await asking(() => false);
      const before = await server.store.head("acme");
      const response = await call(server, route, page);
      expect(await problemIn(response)).toMatchObject({ status: 403, code: "forbidden" });
      expect(asked.length).toBeGreaterThan(0);
      const expected = { scopes: route.scopes, ticket: route.scopes, each: "admin" } as { [asks: string]: string };
      expect(asked[0]?.do).toBe(expected[route.asks] ?? route.asks);
      expect(await server.store.head("acme")).toEqual(before);
      await server.server.close();
    },
  );

  it.each(routes.filter(({ scopes }) => scopes !== undefined))(
    "[A3] $method $path asks for each scope too",
    async (route) => {
      const { server, asked, page } = await asking(({ do: what }) => what === "head");
      const response = await call(server, route, page);
      const text = await response.text();
      expect(asked.filter((action) => action.do === route.scopes)).toContainEqual({
        do: route.scopes,
        space: "acme",
        scope: SCOPE,
      });
      expect(response.status === 403 || text.includes('"status":"rejected"')).toBe(true);
      await server.server.close();
    },
  );

  it("[A3] the table is all there is: anything else is not found", async () => {
    await using server = new TestServer();
    await server.write("c1", insert("a"));
    for (const path of ["/", "/v1", "/v1/spaces/", `${SPACE}/secrets`, `${SPACE}/pull/more`, "/v1/spaces//pull"]) {
      expect(await problemIn(server.request(path))).toMatchObject({ status: 404, code: "not-found" });
    }
    expect(await problemIn(server.request(`${SPACE}/pull`))).toMatchObject({
      detail: expect.stringContaining("another method"),
    });
    expect(await problemIn(server.request(`${SPACE}/push`, { method: "DELETE" }))).toMatchObject({ code: "not-found" });
  });
});

describe("messages on a live connection", () => {
  const said: { readonly [O in LiveMessage["op"]]: LiveMessage } = {
    token: { op: "token", token: "whatever" },
    subscribe: { op: "subscribe", subscriptions: [{ scope: "box/1" }] },
    unsubscribe: { op: "unsubscribe", keys: ["box/2"] },
    pull: { op: "pull", pull: 1 },
    verified: { op: "verified", verify: 1 },
    push: { op: "push", client: "c1", mutations: [{ id: 1, base: 0, writes: [insert("x", { box: 1 })] }] },
  };

  /** Says one message after `deciding` began; gives what was asked, and all that came. */
  async function saying(message: LiveMessage, answer: (action: Action) => boolean) {
    const asked: Action[] = [];
    let deciding = false;
    const authorize = (_: unknown, action: Action) => {
      if (!deciding) return true;
      asked.push(action);
      return answer(action);
    };
    await using server = new TestServer({ auth: { authenticate: () => ({ id: "ann" }), authorize } });
    await server.write("c0", [insert("a", { box: 1 }), insert("b", { box: 2 })]);
    const socket = await held(server.server);
    deciding = true;
    socket.say(message);
    while (socket.lines.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const head = await server.store.head("acme");
    return { asked, lines: [...socket.lines], revision: head?.revision };
  }

  const asking = Object.entries(messages).filter(([, { asks }]) => asks !== "nothing");

  it("[A3] only a token and an unsubscribe let nothing in or out, and ask nobody", () => {
    const rest = Object.entries(messages).filter(([, { asks }]) => asks === "nothing");
    expect(rest.map(([op]) => op)).toEqual(["token", "unsubscribe"]);
  });

  it.each(asking)("[A3] %s asks `authorize`, and without its yes lets nothing through", async (op) => {
    const { asked, lines, revision } = await saying(said[op as LiveMessage["op"]], () => false);
    expect(asked.length).toBeGreaterThan(0);
    expect(lines).toMatchObject([{ op: "error", of: op, problem: { code: "forbidden" } }]);
    expect(revision).toBe(1);
  });

  it.each(["subscribe", "push"] as const)("[A3] %s asks for each scope too", async (op) => {
    const { asked, lines, revision } = await saying(said[op], ({ do: what }) => what === "head");
    const { scopes } = messages[op];
    expect(asked).toContainEqual({ do: scopes, space: "acme", scope: "box/1" });
    expect(JSON.stringify(lines)).toMatch(/"forbidden"|"rejected"/);
    expect(revision).toBe(1);
  });
});

describe("an open server", () => {
  it("[A1] [A7] answers this machine only, and a forwarded request is never this machine's", async () => {
    await using server = new TestServer({ auth: { open: false } });
    await server.server.ready;
    const status = async (remote: string | undefined, headers = {}) =>
      (await server.request("/v1/spaces/none", { headers }, remote)).status;
    expect(await status("127.0.0.1")).toBe(404);
    expect(await status("::1")).toBe(404);
    expect(await status("::ffff:127.0.0.1")).toBe(404);
    expect(await status("192.168.1.5")).toBe(401);
    expect(await status(undefined)).toBe(401);
    expect(await status("127.0.0.1", { "x-forwarded-for": "127.0.0.1" })).toBe(401);
    expect(await status("127.0.0.1", { forwarded: "for=127.0.0.1" })).toBe(401);
  });

  it("[A7] takes a trusted proxy's word for where a request comes from", async () => {
    await using server = new TestServer({ auth: { trustProxy: true } });
    const status = async (headers: Record<string, string>) =>
      (await server.request("/v1/spaces/none", { headers }, "127.0.0.1")).status;
    expect(await status({ "x-forwarded-for": "127.0.0.1" })).toBe(404);
    expect(await status({ "x-forwarded-for": "127.0.0.1, 10.0.0.9" })).toBe(401);
    expect(await status({ "x-forwarded-for": "127.0.0.1", "x-forwarded-host": "evil.example" })).toBe(403);
  });

  it.each([
    ["another Host", { host: "evil.example" }],
    ["a Host that only looks like this machine", { host: "localhost.evil.example" }],
    ["a page of another site", { origin: "https://evil.example" }],
    ["a page without an origin", { origin: "null" }],
  ])("[A7] refuses %s, so that no web page reaches it", async (_, headers) => {
    await using server = new TestServer();
    await server.write("c1", insert("a"));
    expect(await problemIn(server.request(SPACE, { headers }, "127.0.0.1"))).toMatchObject({
      status: 403,
      code: "forbidden",
    });
  });

  it.each([
    ["localhost", { host: "localhost:4848", origin: "http://localhost:5173" }],
    ["IPv6", { host: "[::1]:4848" }],
    ["a name below localhost", { host: "app.localhost" }],
    ["an origin that is configured", { host: "localhost", origin: "https://app.example" }],
  ])("[A7] answers %s", async (_, headers) => {
    await using server = new TestServer({ origins: ["https://app.example"] });
    await server.write("c1", insert("a"));
    expect((await server.request(SPACE, { headers }, "127.0.0.1")).status).toBe(200);
  });
});

describe("origins", () => {
  it("[A7] are answered with CORS where they are configured, and not elsewhere", async () => {
    await using server = new TestServer({ ...JWT, origins: ["https://app.example"] });
    const token = await tokenFor("ann", EVERYTHING);
    const allowed = async (origin: string, init = {}) => {
      const response = await server.request(SPACE, { token, headers: { origin }, ...init });
      return response.headers.get("access-control-allow-origin");
    };
    expect(await allowed("https://app.example")).toBe("https://app.example");
    expect(await allowed("https://app.example.evil")).toBeNull();
    const preflight = await server.request(SPACE, { method: "OPTIONS", headers: { origin: "https://app.example" } });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe("https://app.example");
    expect(preflight.headers.get("access-control-allow-headers")).toContain("authorization");
    expect(await allowed("https://evil.example", { method: "OPTIONS" })).toBeNull();
  });
});

describe("metrics", () => {
  it("[A2] need the admin of the server beyond this machine", async () => {
    await using server = new TestServer(JWT);
    const status = async (remote: string, token?: string) =>
      (await server.request("/metrics", { token }, remote)).status;
    expect(await status("127.0.0.1")).toBe(200);
    expect(await status("10.0.0.1")).toBe(401);
    expect(await status("10.0.0.1", await tokenFor("ann", EVERYTHING))).toBe(403);
    expect(await status("10.0.0.1", await tokenFor("ops", { "*": { admin: true } }))).toBe(200);
  });
});

describe("bounds", () => {
  it("[A5] a principal above its rate waits, others do not, and time makes good", async () => {
    const clock = virtualClock();
    const still = { ...clock, now: clock.now, sleep: async () => undefined };
    const limits = { rate: { requests: 3 } };
    await using server = new TestServer(
      {
        auth: { authenticate: (r: Request) => ({ id: r.headers.get("x-user") ?? "" }), authorize: () => true },
        limits,
      },
      { clock: still },
    );
    const ask = (user: string) => server.request(SPACE, { headers: { "x-user": user } });
    for (let i = 0; i < 3; i++) expect((await ask("ann")).status).toBe(404);
    const refused = await ask("ann");
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(await problemIn(refused)).toMatchObject({ status: 429, code: "rate-limited", retryAfter: 1 });
    expect((await ask("bob")).status).toBe(404);
    clock.jump(1_000);
    expect((await ask("ann")).status).toBe(404);
  });

  it("[A5] [A8] writes and rows read count, and what was too much is made good before the next request", async () => {
    const clock = virtualClock();
    const still = { ...clock, now: clock.now, sleep: async () => undefined };
    const auth = { authenticate: () => ({ id: "ann" }), authorize: () => true };
    await using server = new TestServer({ auth, limits: { rate: { writes: 100, rows: 100 } } }, { clock: still });
    await server.write(
      "c1",
      Array.from({ length: 300 }, (_, i) => insert(`r${i}`)),
    );
    expect(await problemIn(server.request(SPACE))).toMatchObject({ code: "rate-limited", retryAfter: 2 });
    clock.jump(2_001);
    await server.pull([{ scope: "*" }]);
    expect(await problemIn(server.request(SPACE))).toMatchObject({
      code: "rate-limited",
      detail: expect.stringContaining("rows"),
    });
  });

  it.each<[string, (server: TestServer, cursor: string) => Promise<unknown>]>([
    [
      "the ranges of a verify",
      async (server) => {
        const { cursor } = await server.head();
        await server.verify({ subscription: { scope: "*", cursor }, ranges: [{ from: null, to: null }] });
      },
    ],
    ["the journal", (server) => server.request(`${SPACE}/journal`).then((response) => response.text())],
    ["the history of a record", (server) => server.request(`${SPACE}/history/items/r0`)],
    ["how far a cursor is behind", (server, cursor) => server.head(`?scope=*&cursor=${cursor}`)],
  ])("[A8] rows read for %s count", async (_, ask) => {
    const clock = virtualClock();
    const still = { ...clock, now: clock.now, sleep: async () => undefined };
    const auth = { authenticate: () => ({ id: "ann" }), authorize: () => true };
    await using server = new TestServer({ auth, limits: { rate: { rows: 2 } } }, { clock: still });
    for (let i = 0; i < 3; i++) {
      await server.write("c1", [insert("r0"), insert(`s${i}`)]);
      await server.write("c1", [update("r0", { n: i })]);
    }
    const { cursor } = await server.head("?at=2000-01-01");
    await ask(server, cursor);
    expect(await problemIn(server.request(SPACE))).toMatchObject({
      code: "rate-limited",
      detail: expect.stringContaining("rows"),
    });
  });

  it("[A5] an open server, which has no principals, has no rates", async () => {
    await using server = new TestServer({ limits: { rate: { requests: 1 } } });
    for (let i = 0; i < 5; i++) expect((await server.request("/v1/spaces/none")).status).toBe(404);
  });

  it("[A8] a principal has so many clients in a space, and creates so many spaces", async () => {
    await using server = new TestServer({ ...JWT, limits: { clients: 2, spaces: 2 } });
    const grants = { "*": { read: ["*"], write: ["*"], admin: true } };
    const [ann, bob] = [await tokenFor("ann", grants), await tokenFor("bob", grants)];
    const push = (space: string, client: string, token: string, id = 1) =>
      server.post(`/v1/spaces/${space}/push`, { client, mutations: [{ id, base: 0, writes: [] }] }, { token });
    for (const client of ["c1", "c2"]) expect((await push("acme", client, ann)).status).toBe(200);
    expect(await problemIn(push("acme", "c3", ann))).toMatchObject({ status: 403 });
    expect((await push("acme", "c1", ann, 2)).status).toBe(200);
    expect((await push("acme", "c3", bob)).status).toBe(200);
    expect((await push("two", "c1", ann)).status).toBe(200);
    expect(await problemIn(push("three", "c1", ann))).toMatchObject({ status: 403 });
    expect((await push("three", "c1", bob)).status).toBe(200);
  });

  it("[A8] a client has so many outcomes that it has not acknowledged", async () => {
    await using server = new TestServer({ limits: { unacked: 2 } });
    const push = (id: number, acked = 0) =>
      server.post(`${SPACE}/push`, { client: "c1", acked, mutations: [{ id, base: 0, writes: [] }] });
    for (const id of [1, 2]) expect((await push(id)).status).toBe(200);
    expect(await problemIn(push(3))).toMatchObject({ status: 429, code: "rate-limited", lastMutation: 2 });
    expect((await push(3, 2)).status).toBe(200);
  });

  it("[A8] a record has so many atoms and scopes", async () => {
    const collections = {
      items: { scopes: (r: { readonly [atom: string]: unknown }) => (r.in as string[] | undefined) ?? [] },
    };
    await using server = new TestServer({ collections, limits: { atoms: 3, scopes: 2 } });
    const code = async (atoms: object) => (await server.write("c1", insert("a", { ...atoms }))).outcomes[0];
    expect(await code({ a: 1, b: 2, c: 3, d: 4 })).toMatchObject({ status: "rejected", code: "too-many-atoms" });
    expect(await code({ in: ["x", "y", "z"] })).toMatchObject({ status: "rejected" });
  });
});

describe("logs", () => {
  it("[A6] hold no token, no secret and no record content, whatever goes wrong", async () => {
    const written: string[] = [];
    const log = {
      info: (fields: object, message: string) => written.push(JSON.stringify({ fields, message })),
      error: (fields: object, message: string) => written.push(JSON.stringify({ fields, message })),
    };
    const collections = {
      items: {
        scopes: (record: { readonly id: string }) => {
          if (record.id === "boom") throw new Error(`cannot place ${JSON.stringify(record)}`);
          return [];
        },
      },
    };
    await using server = new TestServer({ ...JWT, collections }, { log });
    const token = await tokenFor("ann", EVERYTHING);
    await server.write("c1", insert("a", { note: "CONFIDENTIAL" }), {}, { token });
    await server.write("c1", insert("boom", { note: "CONFIDENTIAL" }), {}, { token });
    await linesOf(await server.post(`${SPACE}/pull`, { subscriptions: [{ scope: "*" }] }, { token }));
    await server.post(`${SPACE}/push`, '{"client":"c1","note":"CONFIDENTIAL', { token });
    await server.request(SPACE, { token: `${token}x` });
    const all = written.join("\n");
    expect(written.length).toBeGreaterThan(4);
    expect(all).not.toContain("CONFIDENTIAL");
    expect(all).not.toContain(token.slice(0, 40));
    expect(all).not.toContain(SECRET);
  });
});
