import { connect } from "node:net";
import { UnsecuredJWT } from "jose";
import { describe, expect, it } from "vitest";
import type { LiveMessage } from "../../src/wire/live.ts";
import { type LiveClient, LiveServer, Refused } from "../support/live.ts";
import { insert, SECRET, tokenFor } from "../support/server.ts";

const JWT = { auth: { jwtSecret: SECRET } };
const ALL = { acme: { read: ["*"], write: ["*"] } };

/** A connection that is not to notice anything of what another one does. */
async function bystander(server: LiveServer, token?: string): Promise<() => Promise<void>> {
  const client = await server.connect(token === undefined ? {} : { token });
  await client.subscribe({ scope: "*" });
  return async () => expect(await client.pull()).toMatchObject({ op: "end" });
}

async function refusal(promise: Promise<unknown>): Promise<[number, string | undefined]> {
  const error = await promise.then(
    () => null,
    (fault: unknown) => fault,
  );
  if (!(error instanceof Refused)) throw new Error(`not refused: ${error}`);
  return [error.status, error.body.code];
}

describe("a message that makes no sense", () => {
  const deep = "[".repeat(100) + "]".repeat(100);
  it.each<[string, string, string, string]>([
    ["is not JSON", "{", "message", "invalid"],
    ["is no object", "[]", "message", "invalid"],
    ["has an op that there is not", '{"op":"dance"}', "message", "invalid"],
    ["has an op of every object", '{"op":"constructor"}', "message", "invalid"],
    ["names a key twice", '{"op":"pull","op":"pull"}', "message", "invalid"],
    ["names a prototype", '{"op":"pull","__proto__":1}', "message", "invalid"],
    ["is nested too deep", `{"op":"pull","x":${deep}}`, "message", "invalid"],
    ["has no number", '{"op":"pull"}', "pull", "invalid"],
    [
      "subscribes to a scope that is none",
      '{"op":"subscribe","subscriptions":[{"scope":"a b"}]}',
      "subscribe",
      "invalid",
    ],
    [
      "subscribes twice under one key",
      '{"op":"subscribe","subscriptions":[{"scope":"a","key":"k"},{"scope":"b","key":"k"}]}',
      "subscribe",
      "invalid",
    ],
    ["unsubscribes an unknown key", '{"op":"unsubscribe","keys":["nobody"]}', "unsubscribe", "not-found"],
    ["pushes without a client", '{"op":"push","mutations":[]}', "push", "invalid"],
    ["pushes with a gap", '{"op":"push","client":"c","mutations":[{"id":7,"base":0,"writes":[]}]}', "push", "gap"],
    ["has a token that is no text", '{"op":"token","token":5}', "token", "invalid"],
  ])("[L1] [A5] that %s is refused, and the connection goes on", async (_, text, of, code) => {
    await using server = await LiveServer.start();
    await server.write("c1", insert("a"));
    const unharmed = await bystander(server);
    const client = await server.connect();
    client.socket.send(text);
    expect(await client.next("error")).toMatchObject({ of, problem: { code } });
    expect((await client.subscribe({ scope: "*" })).at(-1)).toMatchObject({ op: "end" });
    await unharmed();
  });

  it.each<[string, (client: LiveClient) => void, number]>([
    ["a binary frame", ({ socket }) => socket.send(Buffer.from('{"op":"pull","pull":1}'), { binary: true }), 1003],
    ["a frame of 20 MB", ({ socket }) => socket.send("x".repeat(20_000_000)), 1009],
    ["a frame that is not UTF-8", ({ socket }) => socket.send(Buffer.from([0xff, 0xfe]), { binary: false }), 1007],
    ["a million fragments", fragments, 1008],
  ])("[L1] [A5] %s ends the connection with its code, and touches no one else", async (_, send, code) => {
    await using server = await LiveServer.start();
    await server.write("c1", insert("a"));
    const unharmed = await bystander(server);
    const client = await server.connect();
    send(client);
    expect(await client.closed).toMatchObject({ code });
    await unharmed();
  });

  it("[A8] subscribes up to the bound, and not beyond", async () => {
    await using server = await LiveServer.start({ limits: { subscriptions: 3 } });
    await server.write("c1", insert("a"));
    const client = await server.connect();
    await client.subscribe({ scope: "a" }, { scope: "b" });
    client.send({ op: "subscribe", subscriptions: [{ scope: "c" }, { scope: "d" }] });
    expect(await client.next("error")).toMatchObject({ of: "subscribe", problem: { code: "too-large" } });
    expect((await client.subscribe({ scope: "c" })).at(-1)).toMatchObject({ op: "end" });
  });

  it("[L1] a storm of subscribes is answered, and costs no thousand times a thousand", async () => {
    await using server = await LiveServer.start();
    await server.write("c1", insert("a"));
    const unharmed = await bystander(server);
    const client = await server.connect();
    for (let i = 0; i < 1_100; i++) client.send({ op: "subscribe", subscriptions: [{ scope: `s${i}` }] });
    await client.until((line) => line.op === "error" && line.problem.code === "too-large");
    const { subscriptions } = await client.pull();
    expect(Object.keys(subscriptions)).toEqual(Array.from({ length: 1_000 }, (_, i) => `s${i}`));
    await unharmed();
  });
});

describe("who may not", () => {
  it("[P10] [A3] subscribes to nothing that it may not read, whether or not it is there", async () => {
    await using server = await LiveServer.start(JWT);
    await server.write("c1", insert("a", { box: 1 }), {}, { token: await tokenFor("root", ALL) });
    const client = await server.connect({ token: await tokenFor("ann", { acme: { read: ["box/2"] } }) });
    for (const scope of ["box/1", "box/none"]) {
      client.send({ op: "subscribe", subscriptions: [{ scope }] });
      expect(await client.next("error")).toMatchObject({ of: "subscribe", problem: { code: "forbidden" } });
    }
    const lines = await client.subscribe({ scope: "box/1", key: "k" }, { scope: "box/2" });
    expect(lines).toContainEqual({ op: "revoked", key: "k" });
  });

  it("[A4] a push for somebody else's client is one for a client of its own", async () => {
    await using server = await LiveServer.start(JWT);
    const push: LiveMessage = { op: "push", client: "c1", mutations: [{ id: 1, base: 0, writes: [insert("a")] }] };
    for (const user of ["ann", "bob"]) {
      const client = await server.connect({ token: await tokenFor(user, ALL) });
      client.send(push);
      expect(await client.next("outcomes")).toMatchObject({ lastMutation: 1 });
    }
  });

  it.each<[string, () => Promise<string> | string]>([
    ["an expired token", () => tokenFor("ann", ALL, Math.floor(Date.UTC(2020, 0) / 1_000))],
    ["alg none", () => new UnsecuredJWT({ tidemark: ALL }).setSubject("ann").encode()],
    ["a token of another key", () => tokenFor("ann", ALL, "1h", "another secret that is long enough, too")],
  ])("[A2] %s is unauthenticated, in the handshake and in a message", async (_, token) => {
    await using server = await LiveServer.start(JWT);
    expect(await refusal(server.connect({ token: await token() }))).toEqual([401, "unauthenticated"]);
    const client = await server.connect();
    client.send({ op: "token", token: await token() });
    expect(await client.next("error")).toMatchObject({ of: "connection", problem: { code: "unauthenticated" } });
    expect(await client.closed).toEqual({ code: 1008, reason: "unauthenticated" });
  });

  it("[L1] says nothing before it has said whose it is, and not much then", async () => {
    await using server = await LiveServer.start(JWT);
    const early = await server.connect();
    early.send({ op: "subscribe", subscriptions: [{ scope: "*" }] });
    expect(await early.next("error")).toMatchObject({ of: "connection", problem: { code: "unauthenticated" } });
    const large = await server.connect();
    large.socket.send("x".repeat(1_000_000));
    expect((await large.closed).code).not.toBe(1005);
    expect(large.lines).toEqual([]);
  });

  it.each([
    ["a page of another site on an open server", {}, { origin: "https://evil.example" }, 403],
    ["another Host on an open server", {}, { host: "evil.example" }, 403],
    ["a page of another site", JWT, { origin: "https://evil.example" }, 403],
  ])("[A5] [A7] %s is refused before the upgrade", async (_, config, headers, status) => {
    await using server = await LiveServer.start(config);
    expect(await refusal(server.connect({ headers }))).toEqual([status, "forbidden"]);
  });

  it("[A7] pages of an origin that is configured, and those that the host itself serves, may connect", async () => {
    await using server = await LiveServer.start({ ...JWT, origins: ["https://app.example"] });
    await server.connect({ headers: { origin: "https://app.example" } });
    await server.connect({ headers: { origin: server.url } });
    expect(await refusal(server.connect({ headers: { origin: "https://other.example" } }))).toEqual([403, "forbidden"]);
  });

  it("[A8] a principal has so many connections, and so many wait for their token", async () => {
    await using server = await LiveServer.start({ ...JWT, limits: { sockets: 2, strangers: 1 } });
    const token = await tokenFor("ann", ALL);
    const first = await server.connect({ token });
    await server.connect({ token });
    expect(await refusal(server.connect({ token }))).toEqual([429, "rate-limited"]);
    const stranger = await server.connect();
    expect(await refusal(server.connect())).toEqual([429, "rate-limited"]);
    stranger.send({ op: "token", token });
    expect(await stranger.closed).toEqual({ code: 1013, reason: "rate-limited" });
    first.socket.terminate();
    await first.closed;
    await expect
      .poll(() =>
        server.connect({ token }).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
  });

  it("[A5] messages count as requests", async () => {
    await using server = await LiveServer.start({ ...JWT, limits: { rate: { requests: 5 } } });
    const client = await server.connect({ token: await tokenFor("ann", ALL) });
    for (let pull = 1; pull <= 20; pull++) client.send({ op: "pull", pull });
    expect(await client.next("error")).toMatchObject({ problem: { code: "rate-limited" } });
  });
});

describe("a handshake", () => {
  it.each([
    ["/v1/spaces/acme/live/more", 404],
    ["/v1/spaces/acme/pull", 404],
    ["/v1/spaces/NO/live", 400],
  ])("[H6] to %s is answered as HTTP", async (path, status) => {
    await using server = await LiveServer.start();
    expect(await handshakeStatus(server, path)).toBe(status);
  });

  it("[H11] says nothing of whether a space exists to who may not know", async () => {
    await using server = await LiveServer.start({ ...JWT, spaces: ["acme"] });
    const answers: unknown[] = [];
    for (const space of ["acme", "nowhere"]) {
      const client = await server.connect({ token: await tokenFor("ann", {}), space });
      client.send({ op: "subscribe", subscriptions: [{ scope: "a" }] });
      answers.push(await client.next("error"));
      client.send({ op: "pull", pull: 1 });
      answers.push(await client.next("error"));
      client.send({ op: "push", client: "c", mutations: [] });
      answers.push(await client.next("error"));
    }
    expect(answers.slice(0, 3)).toEqual(answers.slice(3));
    expect(answers[0]).toMatchObject({ problem: { code: "forbidden" } });
  });

  it("[H6] of a space that there is not is an error of the message", async () => {
    await using server = await LiveServer.start({ spaces: ["acme"] });
    const client = await server.connect({ space: "nowhere" });
    client.send({ op: "subscribe", subscriptions: [{ scope: "*" }] });
    expect(await client.next("error")).toMatchObject({ of: "subscribe", problem: { code: "unknown-space" } });
  });

  it("[H9] [L1] a replica may come before the space does", async () => {
    await using server = await LiveServer.start();
    const client = await server.connect();
    expect((await client.subscribe({ scope: "*" })).at(-1)).toMatchObject({ op: "end", revision: 0 });
    await server.write("c1", insert("a"));
    expect((await client.answer()).map(({ op }) => op)).toContain("put");
  });
});

/** One message in frames of a byte each; what the other side closes meanwhile is no fault. */
function fragments({ socket }: LiveClient): void {
  for (let i = 0; i < 1_000_000 && socket.readyState === socket.OPEN; i += 1_000) {
    for (let j = 0; j < 1_000; j++) socket.send("x", { fin: false });
  }
}

function handshakeStatus(server: LiveServer, path: string): Promise<number> {
  const { port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), "127.0.0.1");
    socket.on("error", reject);
    socket.on("data", (data) => {
      resolve(Number(data.toString().split(" ")[1]));
      socket.destroy();
    });
    const headers = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
    );
  });
}
