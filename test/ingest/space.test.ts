// Another space of Tidemark as a source: a real server, asked over the public protocol.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Source, type TidemarkOptions, tidemark } from "../../src/ingest/index.ts";
import { LiveServer } from "../support/live.ts";
import { insert, remove, SECRET, tokenFor, update } from "../support/server.ts";
import { deskOf, keysOf, read } from "./tables-support.ts";

const TASK = "hq.items";
const NOW = Date.now();

async function upstream(config: Parameters<typeof LiveServer.start>[0] = {}): Promise<LiveServer> {
  const server = await LiveServer.start(config);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

function sourceOf({ url }: LiveServer, more: Partial<TidemarkOptions> = {}): Source {
  return tidemark({ name: "hq", url, space: "acme", collections: ["items"], ...more });
}

describe("another space", () => {
  test("[I52 I3] brings all, then what has changed, whole, and deletions as such", async () => {
    const server = await upstream();
    for (let i = 0; i < 3; i++)
      await server.write(
        "c",
        Array.from({ length: 800 }, (_, n) => insert(`k${i * 800 + n}`, { n, name: "x" })),
      );
    const desk = deskOf(sourceOf(server));
    expect(await desk.run(TASK)).toMatchObject({ status: "done", kind: "complete", added: 2_400 });
    expect(await desk.run(TASK)).toMatchObject({ kind: "incremental", read: 0 });
    await server.write("c", [update("k1", { n: -1 }), remove("k2"), insert("new", { n: 1 })]);
    await server.write("c", update("k1", { more: true }));
    expect(await desk.run(TASK)).toMatchObject({ kind: "incremental", read: 3, changed: 1, deleted: 1, added: 1 });
    expect((await desk.records("items"))["k1"]).toEqual({ id: "k1", n: -1, name: "x", more: true });
    expect(await desk.run(TASK, { do: "refresh" })).toMatchObject({ kind: "complete", read: 2_400, unchanged: 2_400 });
  });

  test("[I52 I3] a copy that was cut goes on behind its last page; 3,000 patches come whole", async () => {
    const server = await upstream();
    const ids = Array.from({ length: 3_000 }, (_, n) => `k${n}`);
    for (let i = 0; i < 3; i++)
      await server.write(
        "c",
        ids.slice(i * 1_000, (i + 1) * 1_000).map((id) => insert(id, { a: 1, b: 1 })),
      );
    const first = await read(sourceOf(server), null, NOW);
    expect(first).toMatchObject({ error: undefined, last: "complete" });
    expect(first.pages.length).toBeGreaterThan(2);
    const begun = first.pages[0]?.cursor ?? null;
    const rest = await read(sourceOf(server), begun, NOW);
    expect(rest.last).toBe("complete");
    expect(rest.pages.some(({ begins }) => begins === true)).toBe(false);
    expect(new Set([...keysOf({ ...first, changes: first.pages[0]?.changes ?? [] }), ...keysOf(rest)]).size).toBe(
      3_000,
    );
    for (let i = 0; i < 3; i++)
      await server.write(
        "c",
        ids.slice(i * 1_000, (i + 1) * 1_000).map((id) => update(id, { a: 2 })),
      );
    const second = await read(sourceOf(server), first.cursor, NOW);
    expect(second.last).toBe("caught-up");
    expect(second.changes).toHaveLength(3_000);
    expect(
      second.changes.every((change) => change.op === "put" && change.value["a"] === 2 && change.value["b"] === 1),
    ).toBe(true);
  });

  test("[I52 I3] records of a scope, and those that a filter matches: what leaves is deleted", async () => {
    const server = await upstream();
    await server.write("c", [
      insert("a", { box: "1", n: 1 }),
      insert("b", { box: "1", n: 5 }),
      insert("c", { box: "2", n: 1 }),
    ]);
    const source = sourceOf(server, { scope: "box/1", where: { n: { $lt: 3 } } });
    const first = await read(source, null, NOW);
    expect(keysOf(first)).toEqual(["put a"]);
    await server.write("c", [update("a", { n: 9 }), update("b", { n: 2 })]);
    expect(keysOf(await read(source, first.cursor, NOW)).sort()).toEqual(["delete a", "put b"]);
  });

  test("[I52 I3 I2] a cursor of another history begins a complete pass", async () => {
    const [one, two] = [await upstream(), await upstream()];
    for (const server of [one, two]) await server.write("c", [insert("a"), insert(server === one ? "b" : "c")]);
    const desk = deskOf(sourceOf(one));
    await desk.run(TASK);
    const { cursor } = await read(sourceOf(one), null, NOW);
    const other = await read(sourceOf(two), cursor, NOW);
    expect(other).toMatchObject({ error: undefined, last: "complete" });
    expect(other.pages[0]).toMatchObject({ begins: true });
    expect(keysOf(other)).toEqual(["put a", "put c"]);
  });

  test("[I52 I3] a wrong token, a permission that goes, an address that is none: told, and nothing is deleted", async () => {
    const server = await upstream({ auth: { jwtSecret: SECRET } });
    const token = await tokenFor("ann", { acme: { read: ["*"], write: ["*"] } });
    await server.write("c", insert("a", { n: 1 }), {}, { token });
    const tokens = [token, "wrong-token"];
    const source = sourceOf(server, { auth: () => tokens[0] as string });
    const desk = deskOf(source);
    expect(await desk.run(TASK)).toMatchObject({ status: "done", added: 1 });
    tokens.shift();
    const row = await desk.run(TASK);
    expect(row).toMatchObject({ status: "failed", deleted: 0 });
    expect(row.reasons[0]).toContain("denied: the space acme at http://");
    expect(row.reasons[0]).not.toContain("wrong-token");
    expect(Object.keys(await desk.records("items"))).toEqual(["a"]);
    await expect(source.check({ signal: new AbortController().signal, now: () => 0 } as never)).rejects.toMatchObject({
      code: "denied",
    });

    const portal = createServer((_, response) => response.end("<html>log in</html>"));
    await new Promise<void>((resolve) => portal.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void portal.close());
    const url = `http://127.0.0.1:${(portal.address() as AddressInfo).port}`;
    expect((await read(sourceOf(server, { url }), null, NOW)).error).toMatchObject({ code: "protocol" });
    expect((await read(sourceOf(server, { url: "http://127.0.0.1:9" }), null, NOW)).error).toMatchObject({
      code: "unreachable",
    });
  });
});
