// Lines that say who wrote what, for whom asks for it and may (S24).
import { describe, expect, it } from "vitest";
import { authoredOf, originsAt } from "../../src/wire/authors.ts";
import { LiveServer } from "../support/live.ts";
import { insert, ofOp, remove, SECRET, TestServer, tokenFor, update } from "../support/server.ts";

const JWT = { auth: { jwtSecret: SECRET } };
const READER = { acme: { read: ["*"], write: ["*"] } };

describe("authors of lines", () => {
  it("[S24] each record and id has its writers, in a table of each line", async () => {
    await using server = new TestServer();
    await server.write("c1", [insert("a", { n: 1, m: 1 }), insert("b", { n: 1 }), insert("c", { n: 1 })]);
    await server.write("c2", [update("a", { n: 2 }), remove("b")]);
    const request = { subscriptions: [{ scope: "*" }], authors: true };
    const copy = await server.pull(request);
    expect(ofOp(copy, "begin")[0]?.authors).toBe(true);
    const [put] = ofOp(copy, "put");
    expect(put?.authors).toEqual([
      ["anyone", "c1"],
      ["anyone", "c2"],
    ]);
    expect(put?.by).toEqual([
      [
        [0, 1, 0, "m"],
        [1, 2, 0, "n"],
      ],
      [[0, 1, 0]],
    ]);
    const cursor = ofOp(await server.pull([{ scope: "*" }]), "end")[0]?.subscriptions["*"]?.cursor;
    await server.write("c2", [remove("c"), update("a", { m: null })]);
    const delta = await server.pull({ subscriptions: [{ scope: "*", cursor: cursor ?? null }], authors: true });
    expect(ofOp(delta, "patch")[0]).toMatchObject({ authors: [["anyone", "c2"]], by: [[[0, 3, 0]]] });
    expect(ofOp(delta, "remove")[0]).toMatchObject({ ids: ["c"], authors: [["anyone", "c2"]], by: [[[0, 3, 2]]] });
  });

  it("[S24] a record that leaves the scope went by who moved it", async () => {
    await using server = new TestServer();
    await server.write("c1", [insert("a", { box: 1 })]);
    const cursor = ofOp(await server.pull([{ scope: "box/1" }]), "end")[0]?.subscriptions["box/1"]?.cursor;
    await server.write("c2", [update("a", { box: 2 })]);
    await server.write("c3", [update("a", { n: 1 })]);
    const delta = await server.pull({ subscriptions: [{ scope: "box/1", cursor: cursor ?? null }], authors: true });
    expect(ofOp(delta, "remove")[0]).toMatchObject({ authors: [["anyone", "c2"]], by: [[[0, 2, 1]]] });
  });

  it("[S24] the records of a verify have them, too", async () => {
    await using server = new TestServer();
    await server.write("c1", [insert("a", { n: 1 })]);
    const request = { subscription: { scope: "*" }, ranges: [{ from: null, to: null }], authors: true };
    const [range] = ofOp(await server.verify(request), "range");
    expect(range).toMatchObject({ authors: [["anyone", "c1"]], by: [[[0, 1, 0]]] });
    expect(ofOp(await server.verify({ ...request, authors: false }), "range")[0]).not.toHaveProperty("by");
  });

  it("[S24] a live connection that asks has them in each frame, and its neighbour has none", async () => {
    await using server = await LiveServer.start();
    const [asking, plain] = [await server.connect(), await server.connect()];
    asking.send({ op: "subscribe", subscriptions: [{ scope: "*" }], authors: true });
    plain.send({ op: "subscribe", subscriptions: [{ scope: "*" }] });
    await Promise.all([asking.answer(), plain.answer()]);
    await server.write("c1", insert("a", { n: 1 }));
    expect(await asking.next("put")).toMatchObject({ authors: [["anyone", "c1"]], by: [[[0, 1, 0]]] });
    expect(await plain.next("put")).not.toHaveProperty("by");
  });

  it("[S24] a claim of authors, or of admin, may know them; whoever only reads may not", async () => {
    await using server = new TestServer(JWT);
    const request = { subscriptions: [{ scope: "*" }], authors: true };
    const token = async (more: object) => ({ token: await tokenFor("ann", { acme: { ...READER.acme, ...more } }) });
    await server.write("c1", [insert("a", { n: 1 })], {}, await token({}));
    const plain = await server.pull(request, await token({}));
    expect(ofOp(plain, "begin")[0]).not.toHaveProperty("authors");
    expect(ofOp(plain, "put")[0]).not.toHaveProperty("by");
    for (const more of [{ admin: true }, { authors: true }]) {
      expect(ofOp(await server.pull(request, await token(more)), "put")[0]?.authors).toEqual([["ann", "c1"]]);
    }
  });

  it("[S24] what a line says of authors that makes no sense says nothing", () => {
    const origin = { server: "acme@x", revision: 3, user: "ann", client: "c1", mutation: 2, atoms: ["n"] };
    expect(originsAt(authoredOf([undefined, [origin]]), 1)).toEqual([origin]);
    expect(originsAt(authoredOf([undefined, [origin]]), 0)).toBeUndefined();
    for (const line of [
      {},
      { by: [[[0, 1, 0]]] },
      { authors: [[1]], by: [[[0, 1, 0]]] },
      { authors: [["a", "b"]], by: [7] },
    ])
      expect(originsAt(line as never, 0)).toBeUndefined();
  });
});
