import { describe, expect, it } from "vitest";
import { LiveServer } from "../support/live.ts";
import { insert, ofOp, SECRET, tokenFor, update } from "../support/server.ts";

const JWT = { auth: { jwtSecret: SECRET } };
const EVERYTHING = { acme: { read: ["*"], write: ["*"], admin: true } };

describe("a live connection", () => {
  it("[L1] [H6] begins a subscription with a copy, and goes on with a frame for each commit", async () => {
    await using server = await LiveServer.start();
    await server.write("c1", insert("a", { n: 1 }));
    const client = await server.connect();
    const first = await client.subscribe({ scope: "*" });
    expect(first.map(({ op }) => op)).toEqual(["begin", "subscription", "put", "end"]);
    await server.write("c1", update("a", { n: 2 }));
    const second = await client.answer();
    expect(second).toMatchObject([
      { op: "begin", space: "acme", revision: 2 },
      { op: "subscription", key: "*", mode: "delta", since: 1 },
      { op: "patch", collection: "items", at: 2, records: [{ id: "a", n: 2 }] },
      { op: "end", revision: 2, subscriptions: { "*": { count: 1 } } },
    ]);
    expect(client.frames).toBe(2);
  });

  it("[L1] answers a push, and tells its revision with the client's last mutation", async () => {
    await using server = await LiveServer.start();
    const client = await server.connect();
    client.send({ op: "subscribe", client: "c1", subscriptions: [{ scope: "*" }] });
    await client.answer();
    client.send({ op: "push", client: "c1", mutations: [{ id: 1, base: 0, writes: [insert("a") as never] }] });
    const lines = [
      ...(await client.until(({ op }) => op === "outcomes" || op === "end")),
      ...(await client.until(({ op }) => op === "outcomes" || op === "end")),
    ];
    expect(lines.find(({ op }) => op === "outcomes")).toMatchObject({ revision: 1, lastMutation: 1 });
    expect(lines.find(({ op }) => op === "end")).toMatchObject({ revision: 1, lastMutation: 1 });
  });

  it("[L1] answers a pull also where nothing is new", async () => {
    await using server = await LiveServer.start();
    await server.write("c1", insert("a"));
    const client = await server.connect();
    await client.subscribe({ scope: "*" });
    expect(await client.pull()).toMatchObject({ revision: 1 });
  });

  it("[L1] tells no more of a key after `unsubscribed`, and takes it again only then", async () => {
    await using server = await LiveServer.start();
    await server.write("c1", [insert("a", { box: 1 }), insert("b", { box: 2 })]);
    const client = await server.connect();
    await client.subscribe({ scope: "box/1", key: "k" }, { scope: "box/2" });
    client.send({ op: "subscribe", subscriptions: [{ scope: "box/2", key: "k" }] });
    expect(await client.next("error")).toMatchObject({
      of: "subscribe",
      problem: { code: "invalid", path: "subscriptions[0].key" },
    });
    client.send({ op: "unsubscribe", keys: ["k"] });
    expect(await client.next("unsubscribed")).toEqual({ op: "unsubscribed", keys: ["k"] });
    await server.write("c1", [update("a", { n: 1 }), update("b", { n: 1 })]);
    const lines = await client.answer();
    expect(ofOp(lines as never, "subscription").map(({ key }) => key)).toEqual(["box/2"]);
    expect((await client.subscribe({ scope: "box/1", key: "k" })).map(({ op }) => op)).toContain("put");
  });

  it("[L1] [A2] takes a token as the first message where the handshake had none", async () => {
    await using server = await LiveServer.start(JWT);
    const client = await server.connect();
    client.send({ op: "token", token: await tokenFor("ann", EVERYTHING) });
    expect((await client.subscribe({ scope: "*" })).at(-1)).toMatchObject({ op: "end" });
  });
});
