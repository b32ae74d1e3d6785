import { describe, expect, test } from "vitest";
import { SourceError } from "../../src/ingest/source.ts";
import { anchored } from "../../src/ingest/sources/http/anchored.ts";
import { basic, bearer, header, key, oauth2 } from "../../src/ingest/sources/http/auth.ts";
import { daily } from "../../src/ingest/sources/http/daily.ts";
import { each } from "../../src/ingest/sources/http/each.ts";
import { byLink, byNumber, byOffset, byToken, offsetOf, paged } from "../../src/ingest/sources/http/paged.ts";
import type { Reader } from "../../src/ingest/sources/http/source.ts";
import { cut, failing, html, json, Stub } from "../../src/testing/stubs/index.ts";
import { ADDRESS, Held, ids, rows, shape, streamOf, things, World } from "./http-support.ts";

/** 25 things in pages of 10, by token. */
const tokens = paged({
  shape,
  question: (after) => ({ path: "things", ...(after !== null && { query: { after: String(after) } }) }),
  next: byToken("next"),
});
const byTokens = () =>
  new Stub(({ query }) => {
    const from = Number(query.get("after") ?? 0);
    return json({ items: rows(from, Math.min(10, 25 - from)), ...(from + 10 < 25 && { next: from + 10 }) });
  });

describe("paging", () => {
  test("[I33] by token, by link, by number, by offset: all records once", async () => {
    const total = 25;
    const stub = new Stub(({ path, query }) => {
      const number = Number(query.get("page") ?? 1);
      const from = Number(query.get("offset") ?? (number - 1) * 10);
      const items = rows(from, Math.max(0, Math.min(10, total - from)));
      const next = from + 10 < total ? `${ADDRESS}/${path.split("/").at(-1)}?page=${number + 1}` : null;
      return json(
        { items, links: { next } },
        200,
        next === null ? {} : { link: `<${next}>; rel="next", <${ADDRESS}>; rel="first"` },
      );
    });
    const readers: Reader[] = [
      paged({ shape, question: (place) => ({ path: (place as string) ?? "things" }), next: byLink("links.next") }),
      paged({ shape, question: (place) => ({ path: (place as string) ?? "things" }), next: byLink() }),
      paged({
        shape,
        question: (place) => ({ path: "things", query: { page: Number(place ?? 1) } }),
        next: byNumber(10),
      }),
      paged({
        shape,
        question: (place) => ({ path: "things", query: { offset: offsetOf(place).offset } }),
        next: byOffset(10),
      }),
    ];
    for (const reader of [...readers, tokens]) {
      const world = new World(reader === tokens ? byTokens().handler : stub.handler);
      const read = await world.read(streamOf(things(reader)), null);
      expect(read.error).toBeUndefined();
      expect(new Held().take(read).keys()).toEqual(ids(total));
      expect(read).toMatchObject({ last: "complete", cursor: null });
      expect(read.pages.slice(0, -1).every(({ last }) => last === undefined)).toBe(true);
    }
  });

  test.each([1, 3, 12])(
    "[I33] by offset, %i records that vanish while a pass reads hide none of the others",
    async (gone) => {
      const all = rows(0, 60);
      const stub = new Stub(({ query }) => {
        const from = Number(query.get("offset"));
        const items = all.slice(from, from + 10);
        if (stub.asked.length === 3) all.splice(0, gone);
        return json({ items });
      });
      const question = (place: Parameters<typeof offsetOf>[0]) => ({
        path: "things",
        query: { offset: offsetOf(place).offset },
      });
      const read = await new World(stub.handler).read(
        streamOf(things(paged({ shape, question, next: byOffset(10, 2) }))),
        null,
      );
      const held = new Held().take(read).keys();
      expect(all.filter(({ id }) => !held.includes(String(id)))).toEqual([]);
    },
  );

  test("[I33] a pass that was cut goes on where it was, and is complete in the end", async () => {
    const stub = byTokens();
    const world = new World(stub.handler);
    stub.trouble = (n) => (n >= 2 ? failing() : undefined);
    const first = await world.read(streamOf(things(tokens)), null);
    expect(first).toMatchObject({ last: undefined, cursor: { place: 10 }, error: { code: "unreachable" } });
    stub.trouble = null;
    const second = await world.read(streamOf(things(tokens)), first.cursor);
    expect(second.changes.length).toBe(15);
    expect(second.last).toBe("complete");
  });

  test("[I33] a place that the source has forgotten is a lost position; pages in a circle are told", async () => {
    const stub = byTokens();
    stub.trouble = (_, { query }) => (query.get("after") === "20" ? json({ message: "expired" }, 400) : undefined);
    const world = new World(stub.handler);
    expect((await world.read(streamOf(things(tokens)), { place: 20 })).error).toMatchObject({ code: "position" });
    expect((await world.read(streamOf(things(tokens)), { place: 10 })).error).toMatchObject({ code: "protocol" });
    const circle = new World(async () => json({ items: rows(0, 10), next: 7 }));
    expect((await circle.read(streamOf(things(tokens)), null)).error).toMatchObject({
      code: "protocol",
      message: /this page again/,
    });
  });
});

describe("answers that are none", () => {
  test.each([
    ["HTML with status 200", html, "protocol", /things\?after=20: answers 200 with HTML, not JSON \(“Back soon”\)/],
    [
      "JSON cut in half",
      cut,
      "protocol",
      /things\?after=20: answers 200 with JSON that is broken or cut off after 27 bytes/,
    ],
    ["another shape", () => json({ things: [] }), "protocol", /holds no list under “items”/],
    ["500", () => failing(500), "unreachable", /things\?after=20: answered 500/],
    [
      "a token that has ended",
      () => json({ message: "expired" }, 401),
      "denied",
      /things\?after=20: 401, .*expired.* Put in a new one/,
    ],
    ["no permission", () => failing(403), "denied", /403/],
    [
      "a redirect to a login",
      () => new Response(null, { status: 302, headers: { location: "https://login.test/?token=x" } }),
      "protocol",
      /sends to https:\/\/login\.test/,
    ],
  ])("[I31] %s from page 3 on: what and where, and the cursor stays at page 2", async (_, answer, code, message) => {
    const stub = byTokens();
    stub.trouble = (n) => (n >= 3 ? answer() : undefined);
    const read = await new World(stub.handler).read(streamOf(things(tokens, bearer("hush-hush"))), null);
    expect(read.error).toBeInstanceOf(SourceError);
    expect(read.error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(read.cursor).toEqual({ place: 20 });
    expect(read.last).toBeUndefined();
    expect((read.error as Error).message).not.toContain("hush-hush");
  });

  test("[I31] a link to another server is not followed, and it gets no credential", async () => {
    const asked: string[] = [];
    const world = new World(async (request) => {
      asked.push(request.url);
      return json({ items: rows(0, 10), links: { next: "http://evil.test/v1/things?page=2" } });
    });
    const reader = paged({
      shape,
      question: (place) => ({ path: (place as string) ?? "things" }),
      next: byLink("links.next"),
    });
    const read = await world.read(streamOf(things(reader, header("x-api-key", "hush-hush"))), null);
    expect(read.error).toMatchObject({ code: "protocol", message: expect.stringContaining("leads to another server") });
    expect(asked).toEqual([`${ADDRESS}/things`]);
  });

  test("[I6 I31] an item without its key goes to quarantine with its place, and the others come", async () => {
    const world = new World(async () => json({ items: [{ id: 1 }, { name: "x" }, 7, { id: "" }, { id: 2 }] }));
    const { changes } = await world.read(streamOf(things(tokens)), null);
    expect(changes.map(({ op }) => op)).toEqual(["put", "broken", "broken", "broken", "put"]);
    expect(changes[1]).toEqual({
      op: "broken",
      position: `${ADDRESS}/things#1`,
      raw: '{"name":"x"}',
      code: "unreadable",
      message: "a part of its key is missing",
    });
  });
});

describe("who is asking", () => {
  test("[I31] bearer, basic, header, and a key that stands in no position", async () => {
    const stub = new Stub(() => json({ items: [{ id: 1 }] }));
    const world = new World(stub.handler);
    for (const auth of [bearer("t"), basic("ann", "pässword"), header("x-key", "k"), key("apikey", "q")])
      await world.read(streamOf(things(tokens, auth)), null);
    const [one, two, three, four] = stub.asked;
    expect(one?.headers.get("authorization")).toBe("Bearer t");
    expect(two?.headers.get("authorization")).toBe("Basic YW5uOnDDpHNzd29yZA==");
    expect(three?.headers.get("x-key")).toBe("k");
    expect(four?.query.get("apikey")).toBe("q");
    const { changes } = await world.read(streamOf(things(tokens, key("k", "hush"))), null);
    expect(changes[0]?.position).toBe(`${ADDRESS}/things#0`);
  });

  function tokenServer(lasts: number | null) {
    let current = "";
    const issued: string[] = [];
    const stub = new Stub(({ path, body, headers }) => {
      if (path === "/token") {
        issued.push(body);
        current = `token-${issued.length}`;
        return json({
          access_token: current,
          ...(lasts !== null && { expires_in: lasts }),
          refresh_token: `refresh-${issued.length + 1}`,
        });
      }
      return headers.get("authorization") === `Bearer ${current}`
        ? json({ items: [{ id: 1 }] })
        : json({ message: "expired" }, 401);
    });
    return { stub, issued, end: () => (current = "") };
  }
  const login = { tokenUrl: "http://api.test/token", clientId: "me", clientSecret: "hush-hush" };

  test("[I31] OAuth 2: a token is had once, renewed before it ends, and once more after a 401", async () => {
    const { stub, issued, end } = tokenServer(3600);
    const world = new World(stub.handler);
    const kept: string[] = [];
    const auth = oauth2({ ...login, refreshToken: "refresh-1", keep: (token) => void kept.push(token) });
    const stream = streamOf(things(tokens, auth));
    await world.run(Promise.all([world.read(stream, null), world.read(stream, null)]));
    expect(issued.length).toBe(1);
    await world.clock.run(3_590_000);
    await world.read(stream, null);
    expect(issued.length).toBe(2);
    end();
    expect((await world.read(stream, null)).error).toBeUndefined();
    expect(issued.length).toBe(3);
    expect(issued[1]).toContain("grant_type=refresh_token&refresh_token=refresh-2");
    expect(kept).toEqual(["refresh-2", "refresh-3", "refresh-4"]);
  });

  test("[I31] OAuth 2: the client's own token; one that is refused is `denied`, and not asked for without end", async () => {
    const { stub, issued } = tokenServer(null);
    await new World(stub.handler).read(streamOf(things(tokens, oauth2({ ...login, scope: "read" }))), null);
    expect(issued[0]).toContain("grant_type=client_credentials&scope=read");
    const refusing = new Stub(({ path }) =>
      path === "/token" ? json({ error: "invalid_grant" }, 400) : json({}, 401),
    );
    const read = await new World(refusing.handler).read(streamOf(things(tokens, oauth2(login))), null);
    expect(read.error).toMatchObject({ code: "denied", message: expect.stringContaining("invalid_grant") });
    expect(refusing.asked.length).toBe(1);
    const dead = new Stub(({ path }) => (path === "/token" ? json({ access_token: "x" }) : json({}, 401)));
    expect((await new World(dead.handler).read(streamOf(things(tokens, oauth2(login))), null)).error).toMatchObject({
      code: "denied",
    });
    expect(dead.asked.length).toBe(4);
  });
});

describe("days, and parts", () => {
  test("[I34] a day that may still change is read again, and what is gone from it goes", async () => {
    const days = new Map<string, string[]>();
    const stub = new Stub(({ query }) =>
      json({ items: (days.get(query.get("day") ?? "") ?? []).map((id) => ({ day: query.get("day"), id })) }),
    );
    const world = new World(stub.handler);
    const stream = streamOf(
      things(
        daily({
          from: "2025-12-25",
          lag: 3,
          pages: (day) => ({
            shape: { items: "items", key: (item) => [item["day"], item["id"]] },
            question: () => ({ path: "things", query: { day } }),
            next: () => null,
          }),
        }),
      ),
    );
    days.set("2025-12-26", ["a"]).set("2025-12-30", ["a", "b"]).set("2026-01-01", ["c"]);
    const first = await world.read(stream, null);
    expect(first).toMatchObject({ last: "complete", cursor: { day: "2025-12-28" } });
    expect(first.pages.length).toBe(8);
    days.set("2025-12-30", ["b", "d"]);
    const second = await world.read(stream, first.cursor);
    expect(second.pages.map(({ replaces }) => replaces)).toEqual([
      [["2025-12-29"]],
      [["2025-12-30"]],
      [["2025-12-31"]],
      [["2026-01-01"]],
    ]);
    expect(new Held().take(first).take(second).keys()).toEqual([
      "2025-12-26|a",
      "2025-12-30|b",
      "2025-12-30|d",
      "2026-01-01|c",
    ]);
    const window = { from: "2025-12-26T00:00:00Z", to: "2025-12-28T00:00:00Z" };
    const part = await world.read(stream, second.cursor, window);
    expect(part.pages.map(({ replaces }) => replaces)).toEqual([[["2025-12-26"]], [["2025-12-27"]]]);
    expect(part).toMatchObject({ cursor: second.cursor, last: "caught-up" });
  });

  test("[I33] several parts are one stream with a cursor each; one that comes later is read from its beginning", async () => {
    const stub = byTokens();
    const world = new World(stub.handler);
    const reader = (part: string): Reader =>
      anchored({
        shape: { items: "items", key: (item) => [part, item["id"]], at: (item) => Number(item["id"]) },
        more: 10,
        lag: 0,
        question: ({ from }) => ({ path: "things", query: { after: from ?? 0 } }),
      });
    const first = await world.read(streamOf(things(each(["a", "b"], reader))), null);
    expect(first).toMatchObject({
      last: "complete",
      cursor: { parts: { a: { mark: { v: 24 } }, b: { mark: { v: 24 } } } },
    });
    expect(new Held().take(first).records.size).toBe(50);
    const second = await world.read(streamOf(things(each(["b", "c"], reader))), first.cursor);
    expect(second.last).toBe("caught-up");
    expect(Object.keys((second.cursor as { parts: object }).parts)).toEqual(["b", "c"]);
    expect(second.changes.length).toBe(25);
  });
});
