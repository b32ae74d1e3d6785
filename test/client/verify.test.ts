import { describe, expect, it } from "vitest";
import { memoryStore } from "../../src/client/store/memory.ts";
import type { ClientStore } from "../../src/client/store/store.ts";
import { digestOf, formatDigest } from "../../src/model/fingerprint.ts";
import { begin, copy, delta, end, ndjson, put, Script, timed } from "./support.ts";

const SCOPES = ["a", "b", "c"];
const digest = (id: string) => formatDigest(digestOf("items", JSON.stringify({ id })));
const told = (cursor: string) =>
  Object.fromEntries(SCOPES.map((scope) => [scope, { cursor, count: 1, digest: digest(scope) }]));

/** A client that follows three scopes with a record each, and counts how often it reads through its store. */
async function threeScopes(script: Script) {
  const inner = memoryStore();
  const read: (string | null)[] = [];
  const contents: ClientStore["contents"] = (from, to) => {
    read.push(from);
    return inner.contents(from, to);
  };
  script.on("pull", ({ body }) => {
    const scopes: string[] = body.subscriptions.map(({ scope }: { scope: string }) => scope);
    return ndjson(begin(5), ...scopes.flatMap((id) => [copy(id), put(5, { id })]), end(5, told("c5")));
  });
  const { client } = timed(script, { store: { ...inner, contents } });
  await Promise.all(SCOPES.map((scope) => client.subscribe({ scope }).ready));
  return { client, inner, read };
}

const same = () => SCOPES.map((scope) => delta(scope, 5));

describe("verify of many subscriptions", () => {
  it("[V2] takes one question and one reading of the store, where all are equal", async () => {
    const script = new Script().on("verify", () => ndjson(begin(5), ...same(), end(5, told("c5"))));
    const { client, read } = await threeScopes(script);
    const { ok, subscriptions } = await client.verify();
    expect([ok, subscriptions.map(({ key, rounds }) => [key, rounds])]).toEqual([true, SCOPES.map((key) => [key, 1])]);
    expect(script.bodies("verify")).toHaveLength(1);
    expect(read).toEqual([null]);
  });

  it("[V2] [V3] asks again only for what differs, and compares what changes meanwhile as it is then", async () => {
    const range = { op: "range", from: null, to: null, count: 1, digest: digest("b") } as const;
    const script = new Script().on(
      "verify",
      () => ndjson(begin(5), ...same(), end(5, told("c5"))),
      // A new record comes with the second question, into a scope that was equal.
      () =>
        ndjson(
          begin(6),
          delta("a", 5),
          put(6, { id: "a" }),
          delta("b", 5),
          delta("c", 5),
          { ...range, records: [["items", { id: "b" }]] },
          end(6, told("c6")),
        ),
      () => ndjson(begin(6), ...SCOPES.map((scope) => delta(scope, 6)), end(6, told("c6"))),
    );
    const { client, inner } = await threeScopes(script);
    const [row] = await inner.get(["items/b"]);
    await inner.write({ rows: new Map([["items/b", { ...row, data: { id: "b", wrong: true } } as never]]) });
    const { subscriptions } = await client.verify();
    expect(subscriptions.map(({ key, rounds, differences }) => [key, rounds, differences])).toEqual([
      ["a", 1, []],
      ["b", 3, [{ collection: "items", id: "b", kind: "changed" }]],
      ["c", 1, []],
    ]);
    expect(script.bodies("verify").map(({ subscription }) => subscription.scope)).toEqual(["a", "b", "b"]);
    expect(await client.get("items", "b")).toEqual({ id: "b" });
  });
});
