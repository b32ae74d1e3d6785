import { describe, expect, it } from "vitest";
import type { Line } from "../../src/wire/lines.ts";
import { begin, copy, delta, end, ndjson, never, patch, put, remove, Script, timed, titlesOf } from "./support.ts";

const all = { collection: "items" };
const mark = (key: string, cursor: string): Line => ({ op: "mark", key, cursor });

/** A client that follows "*", filled by a first answer at revision 5 with records a and b. */
async function filled(...answers: (() => Response | Promise<Response>)[]) {
  const first = ndjson(
    begin(5),
    copy("*"),
    put(5, { id: "a", title: "A" } as never, { id: "b", title: "B" } as never),
    end(5, { "*": { cursor: "c5" } }),
  );
  const script = new Script().on("pull", first, ...answers, never);
  const { client, clock } = timed(script, {});
  await client.subscribe({ scope: "*" }).ready;
  return { script, client, clock, title: async () => titlesOf(await client.query(all)) };
}

describe("an answer to a pull", () => {
  it("[P4] is shown all at once, at its end", async () => {
    const { client, script } = await filled(() =>
      ndjson(
        begin(7),
        delta("*", 5),
        put(7, { id: "c" }),
        remove(7, "a"),
        patch(7, { id: "b", title: "new" } as never),
        end(7, { "*": { cursor: "c7" } }),
      ),
    );
    const seen: unknown[] = [];
    client.observe(all, (records) => seen.push(records.map(({ id, title }) => [id, title])));
    await client.sync();
    expect(seen).toEqual([
      [
        ["a", "A"],
        ["b", "B"],
      ],
      [
        ["b", "new"],
        ["c", undefined],
      ],
    ]);
    expect(script.bodies("pull").at(1).subscriptions).toEqual([{ scope: "*", cursor: "c5" }]);
  });

  it("[P5] [P15] that breaks off is shown not at all, and goes on from its last mark", async () => {
    const broken = ndjson(begin(9), delta("*", 5), put(8, { id: "c" }), mark("*", "m8"), put(9, { id: "lost" }));
    const rest = ndjson(
      begin(9),
      { op: "subscription", key: "*", mode: "delta", since: 5, reached: 8 },
      remove(9, "a"),
      end(9, { "*": { cursor: "c9" } }),
    );
    const { client, script } = await filled(
      () => broken,
      () => rest,
    );
    await expect(client.sync()).rejects.toMatchObject({ failure: "cut" });
    expect((await client.query(all)).map(({ id }) => id)).toEqual(["a", "b"]);
    await client.sync();
    expect((await client.query(all)).map(({ id }) => id)).toEqual(["b", "c"]);
    expect(script.bodies("pull").at(2).subscriptions).toEqual([{ scope: "*", cursor: "m8" }]);
    expect(client.told).toEqual([]);
  });

  it("[P5] [P7] a copy that starts over empties what counts as received", async () => {
    const broken = ndjson(
      begin(9),
      { ...copy("*"), reason: "expired" } as Line,
      put(9, { id: "ghost" }),
      mark("*", "m"),
    );
    const again = ndjson(
      begin(9),
      { ...copy("*"), reason: "expired" } as Line,
      put(9, { id: "z" }),
      end(9, { "*": { cursor: "c9" } }),
    );
    const { client } = await filled(
      () => broken,
      () => again,
    );
    await expect(client.sync()).rejects.toThrow();
    await client.sync();
    expect((await client.query(all)).map(({ id }) => id)).toEqual(["z"]);
    expect(client.told).toEqual([{ event: "recovered", value: { reason: "expired", key: "*" } }]);
  });

  it("[P13] of an older content changes only who holds a record", async () => {
    const late = ndjson(
      begin(6),
      delta("*", 5),
      copy("box"),
      put(4, { id: "a", title: "older" } as never),
      end(6, { "*": { cursor: "c6" }, box: { cursor: "b6" } }),
    );
    const gone = ndjson(
      begin(7),
      delta("*", 6),
      remove(7, "a", "b"),
      delta("box", 6),
      end(7, { "*": { cursor: "c7" }, box: { cursor: "b7" } }),
    );
    const { client, title } = await filled(
      () => late,
      () => gone,
    );
    await client.subscribe({ scope: "box" }).ready;
    expect(await title()).toEqual(["A", "B"]);
    await client.sync();
    expect(await title()).toEqual(["A"]);
  });

  it("[P13] that goes on from where the replica is not copies the subscription anew", async () => {
    const { client, title } = await filled(
      () => ndjson(begin(9), delta("*", 8), remove(9, "a"), end(9, { "*": { cursor: "c9" } })),
      () => ndjson(begin(9), copy("*"), put(9, { id: "x", title: "X" } as never), end(9, { "*": { cursor: "c9" } })),
    );
    await client.sync();
    expect(await title()).toEqual(["X"]);
    expect(client.told.map(({ event }) => event)).toEqual(["damaged"]);
  });

  it("[P13] a patch of a record that only another subscription holds is damage: its own is copied anew", async () => {
    const first = ndjson(begin(5), delta("*", 5), copy("box"), end(5, { "*": {}, box: { cursor: "b5" } }));
    const wrong = ndjson(
      begin(6),
      delta("*", 5),
      delta("box", 5),
      patch(6, { id: "a", title: "6" } as never),
      end(6, { "*": { cursor: "c6" }, box: { cursor: "b6" } }),
    );
    const again = ndjson(
      begin(6),
      delta("*", 5),
      copy("box"),
      put(6, { id: "a", title: "6" } as never),
      end(6, { "*": { cursor: "c6" }, box: { cursor: "b6" } }),
    );
    const { client, script, title } = await filled(
      () => first,
      () => wrong,
      () => again,
    );
    await client.subscribe({ scope: "box" }).ready;
    await client.sync();
    expect(await title()).toEqual(["6", "B"]);
    expect(script.bodies("pull").at(-1).subscriptions).toEqual([{ scope: "*", cursor: "c5" }, { scope: "box" }]);
    expect(client.told).toMatchObject([{ event: "damaged", value: { key: "box" } }]);
  });

  it("[P13] a later line for a record replaces an earlier one of the same answer", async () => {
    const { client, title } = await filled(() =>
      ndjson(
        begin(8),
        delta("*", 5),
        patch(7, { id: "a", title: "7" } as never),
        remove(7, "b"),
        put(8, { id: "b", title: "back" } as never),
        patch(8, { id: "a", title: "8" } as never),
        end(8, { "*": { cursor: "c8" } }),
      ),
    );
    await client.sync();
    expect(await title()).toEqual(["8", "back"]);
  });

  it("[P10] drops what only a revoked subscription held, and its cursor", async () => {
    const { client, script } = await filled(
      () =>
        ndjson(
          begin(6),
          delta("*", 5),
          copy("box"),
          put(6, { id: "a", title: "A" } as never),
          end(6, { "*": { cursor: "c6" }, box: { cursor: "b6" } }),
        ),
      () => ndjson(begin(7), { op: "revoked", key: "*" }, delta("box", 6), end(7, { box: { cursor: "b7" } })),
      () => ndjson(begin(7), delta("box", 7), end(7, { box: {} })),
    );
    await client.subscribe({ scope: "box" }).ready;
    await client.sync();
    expect((await client.query(all)).map(({ id }) => id)).toEqual(["a"]);
    await client.sync();
    expect(script.bodies("pull").at(3).subscriptions).toEqual([{ scope: "box", cursor: "b7" }]);
  });

  it.each([
    [
      "a page of somebody else",
      () => new Response("<html>Log in to this Wi-Fi</html>", { headers: { "content-type": "text/html" } }),
      "foreign",
    ],
    ["a proxy's error", () => new Response("Bad Gateway", { status: 502 }), "foreign"],
    ["lines that do not begin with `begin`", () => ndjson(delta("*", 5), end(6, { "*": { cursor: "c6" } })), "foreign"],
    [
      "the lines of another space",
      () => ndjson({ ...begin(6), space: "other" } as Line, delta("*", 5), end(6, { "*": {} })),
      "foreign",
    ],
    ["an answer without its end", () => ndjson(begin(6), delta("*", 5), remove(6, "a")), "cut"],
    ["an answer that leaves a subscription out", () => ndjson(begin(6), end(6, {})), "cut"],
    ["half a line", () => ndjson(begin(6), delta("*", 5), '{"op":"remove","colle'), "cut"],
    [
      "bytes that are no UTF-8",
      () =>
        new Response(new Uint8Array([0x7b, 0xff, 0xff, 0x0a]), { headers: { "content-type": "application/x-ndjson" } }),
      "cut",
    ],
  ])("[C2] %s changes nothing, and the state says so", async (_, answer, failure) => {
    const { client, title } = await filled(answer);
    await expect(client.sync()).rejects.toMatchObject({ name: "TransportError", failure });
    expect(await title()).toEqual(["A", "B"]);
    expect(client.status).toMatchObject({ state: "offline", revision: 5 });
  });

  it("[H10] may hold fields that the client does not know, but no op: there it stops before the end", async () => {
    const { client, title } = await filled(
      () =>
        ndjson(
          { ...begin(6), region: "eu" } as Line,
          { ...delta("*", 5), hint: 1 } as never,
          patch(6, { id: "a", title: "new" } as never),
          end(6, { "*": { cursor: "c6", heat: 3 } }),
        ),
      () => ndjson(begin(7), delta("*", 6), { op: "merge" } as never, end(7, { "*": { cursor: "c7" } })),
    );
    await client.sync();
    expect(await title()).toEqual(["new", "B"]);
    await expect(client.sync()).rejects.toMatchObject({ code: "upgrade-required" });
    expect(client.status).toMatchObject({ state: "upgrade-required", revision: 6 });
  });

  it("[R5] that ends with an error line is tried again", async () => {
    const { client } = await filled(() =>
      ndjson(begin(6), { op: "error", problem: { code: "unavailable", detail: "the store is away" } }),
    );
    await expect(client.sync()).rejects.toMatchObject({ code: "unavailable" });
    expect(client.status).toMatchObject({ state: "offline", cause: "the store is away" });
  });

  it("[C9] for another principal is not read any further", async () => {
    const { client } = await filled(() =>
      ndjson(begin(6, "p2"), delta("*", 5), remove(6, "a"), end(6, { "*": { cursor: "c6" } })),
    );
    await expect(client.sync()).rejects.toMatchObject({ name: "OtherPrincipal" });
    expect(client.status.state).toBe("other-principal");
    await expect(client.query(all)).rejects.toMatchObject({ code: "other-principal" });
  });
});
