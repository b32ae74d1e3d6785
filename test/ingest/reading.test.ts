import { describe, expect, test } from "vitest";
import { type Source, SourceError } from "../../src/ingest/source.ts";
import { anchored } from "../../src/ingest/sources/http/anchored.ts";
import { type Auth, basic, bearer, header, key, noAuth, oauth2 } from "../../src/ingest/sources/http/auth.ts";
import { daily } from "../../src/ingest/sources/http/daily.ts";
import { each } from "../../src/ingest/sources/http/each.ts";
import { byLink, byNumber, byOffset, byToken, offsetOf, paged } from "../../src/ingest/sources/http/paged.ts";
import { httpSource, type Reader } from "../../src/ingest/sources/http/source.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { cut, failing, html, json, Stub } from "../../src/testing/stubs/index.ts";
import type { JsonObject } from "../../src/util/json.ts";
import { Held, World } from "./http-support.ts";

const ADDRESS = "http://api.test/v1";

function things(read: Reader, auth: Auth = noAuth): Source {
  const api = { address: ADDRESS, auth };
  return httpSource({
    name: "test",
    api,
    check: { path: "things" },
    streams: [{ name: "things", key: ["id"], deletes: "by-complete-pass", read }],
  });
}

const streamOf = (source: Source) => source.streams[0] as Source["streams"][number];
const shape = { items: "items", key: (item: JsonObject) => [item["id"]] };
const rows = (from: number, count: number) => Array.from({ length: count }, (_, i) => ({ id: from + i }));
const ids = (count: number) =>
  rows(0, count)
    .map(({ id }) => String(id))
    .sort();

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

/** Things that change: what a source shows to who asks for changes since a time. */
class Changing {
  readonly rows = new Map<string, { readonly id: string; readonly at: number | null; readonly n: number }>();
  readonly stub = new Stub(({ query }) => {
    const since = Number(query.get("since") ?? Number.NEGATIVE_INFINITY);
    const exactly = query.get("exactly");
    let found = [...this.rows.values()].filter(({ at }) => at === null || at >= since);
    if (exactly !== null)
      found = found.filter(({ at, id }) => at === Number(exactly) && id > (query.get("after") ?? ""));
    found.sort((a, b) => (exactly === null ? (a.at ?? 0) - (b.at ?? 0) : 0) || (a.id < b.id ? -1 : 1));
    const from = Number(query.get("page") ?? 0) * this.size;
    const items = found.slice(from, from + this.size);
    this.afterPage?.();
    return json({ items });
  });
  afterPage: (() => void) | null = null;
  readonly size: number;

  constructor(size: number) {
    this.size = size;
  }

  put(id: string | number, at: number | null): void {
    const name = String(id).padStart(6, "0");
    this.rows.set(name, { id: name, at, n: (this.rows.get(name)?.n ?? 0) + 1 });
  }

  reader(lag: number, tied = true): Reader {
    return anchored({
      shape: { ...shape, at: (item) => item["at"] },
      more: this.size,
      lag,
      question: ({ from, page }) => ({ path: "things", query: { page, ...(from !== null && { since: from }) } }),
      ...(tied && {
        tied: (at, after) => ({
          path: "things",
          query: { exactly: at, ...(after !== null && { after: String(after[0]) }) },
        }),
      }),
    });
  }

  missing(held: Held): string[] {
    return [...this.rows.values()].filter(({ id, n }) => held.records.get(id)?.["n"] !== n).map(({ id }) => id);
  }
}

const MINUTE = 60_000;

describe("what has changed since", () => {
  test("[I2 I32] a first run is a complete pass; the next shows only what is new", async () => {
    const source = new Changing(10);
    const world = new World(source.stub.handler);
    const start = world.clock.now() - 100 * MINUTE;
    for (let i = 0; i < 35; i++) source.put(i, start + i * 1000);
    const stream = streamOf(things(source.reader(MINUTE)));
    const first = await world.read(stream, null);
    expect(first.last).toBe("complete");
    expect(source.missing(new Held().take(first))).toEqual([]);
    expect(await world.read(stream, first.cursor)).toMatchObject({ changes: [], last: "caught-up" });
    source.put(3, start + 50_000);
    const third = await world.read(stream, first.cursor);
    expect(third.changes.map((change) => change.op === "put" && change.value["n"])).toEqual([2]);
  });

  test("[I2 I32] another record with the last instant that was read is not lost, and none comes twice", async () => {
    const source = new Changing(10);
    const world = new World(source.stub.handler);
    const stream = streamOf(things(source.reader(0)));
    const at = world.clock.now() - MINUTE;
    for (let i = 0; i < 5; i++) source.put(i, at);
    const first = await world.read(stream, null);
    source.put(5, at);
    const second = await world.read(stream, first.cursor);
    expect(second.changes.map((change) => change.op === "put" && change.key[0])).toEqual(["000005"]);
  });

  test("[I2 I32] a record that shows late, within the lag, is not lost", async () => {
    const source = new Changing(10);
    const world = new World(source.stub.handler);
    const stream = streamOf(things(source.reader(5 * MINUTE)));
    const now = world.clock.now();
    source.put(1, now - 10 * MINUTE);
    source.put(2, now);
    const first = await world.read(stream, null);
    expect(first.cursor).toMatchObject({ at: now - 5 * MINUTE });
    source.put(3, now - 4 * MINUTE);
    const second = await world.read(stream, first.cursor);
    expect(second.changes.map((change) => change.op === "put" && change.key[0])).toEqual(["000003"]);
  });

  test("[I2 I32] a clock of ours that is an hour fast, and a date in the future, move the mark past nothing", async () => {
    const source = new Changing(10);
    const world = new World(async (request) => {
      const answer = await source.stub.handler(request);
      answer.headers.set("date", new Date(world.clock.now() - 60 * MINUTE).toUTCString());
      return answer;
    });
    const theirs = world.clock.now() - 60 * MINUTE;
    const stream = streamOf(things(source.reader(MINUTE)));
    source.put(1, theirs - 2 * MINUTE);
    source.put(2, theirs + 365 * 24 * 60 * MINUTE);
    const first = await world.read(stream, null);
    source.put(3, theirs + 1000);
    const second = await world.read(stream, first.cursor);
    expect(source.missing(new Held().take(first).take(second))).toEqual([]);
  });

  test.each([true, false])(
    "[I2 I32] thousands with one instant (by key: %s), and records without a time, come whole, also after a break",
    async (tied) => {
      const source = new Changing(100);
      const world = new World(source.stub.handler);
      const at = world.clock.now() - 60 * MINUTE;
      for (let i = 0; i < 2500; i++) source.put(i, at);
      for (let i = 2500; i < 2600; i++) source.put(i, at + i);
      for (let i = 2600; i < 2610; i++) source.put(i, null);
      const stream = streamOf(things(source.reader(MINUTE, tied)));
      source.stub.trouble = (n) => (n >= 12 ? failing() : undefined);
      const first = await world.read(stream, null);
      expect(first.error).toMatchObject({ code: "unreachable" });
      source.stub.trouble = null;
      const before = source.stub.asked.length;
      const second = await world.read(stream, first.cursor);
      expect(second.error).toBeUndefined();
      expect(source.missing(new Held().take(first).take(second))).toEqual([]);
      // By key it goes on inside the instant, and does not begin it again.
      if (tied) expect(source.stub.asked.length - before).toBeLessThan(22);
      expect(second.last).toBe("complete");
    },
  );

  test("[I2 I32] 100,000 records with one instant are read once, and not again by the next run", async () => {
    const source = new Changing(10_000);
    const world = new World(source.stub.handler);
    const at = world.clock.now() - 60 * MINUTE;
    for (let i = 0; i < 100_000; i++) source.put(i, at);
    const stream = streamOf(things(source.reader(MINUTE)));
    const first = await world.read(stream, null);
    expect(new Held().take(first).records.size).toBe(100_000);
    expect(await world.read(stream, first.cursor)).toMatchObject({ changes: [], last: "caught-up" });
  });

  test("[I2 I32] at random: ties, rows that move while a run reads, breaks, late rows: nothing is lost", async () => {
    for (let run = 0; run < 150; run++) {
      const seed = `anchored-${run}`;
      const random = seededRandom(seed);
      const source = new Changing(random.between(2, 12));
      const world = new World(source.stub.handler);
      const lag = 5 * MINUTE;
      const stream = streamOf(things(source.reader(lag, random.chance(0.5))));
      const change = () => {
        // Seconds, so that many share one; and up to the lag late.
        const late = random.chance(0.5) ? 0 : random.below(lag - 2000);
        source.put(random.below(60), Math.floor((world.clock.now() - late) / 1000) * 1000);
      };
      for (let i = 0; i < 40; i++) change();
      source.afterPage = () => {
        if (random.chance(0.4)) change();
      };
      const held = new Held();
      let cursor = null as Awaited<ReturnType<World["read"]>>["cursor"];
      for (let round = 0; round < 6; round++) {
        source.stub.trouble = random.chance(0.3) ? (n) => (n > 3 ? failing() : undefined) : null;
        const read = await world.read(stream, cursor);
        held.take(read);
        cursor = read.cursor;
        await world.clock.run(random.below(3 * MINUTE));
      }
      source.afterPage = null;
      source.stub.trouble = null;
      held.take(await world.read(stream, cursor));
      expect(source.missing(held), seed).toEqual([]);
    }
  });

  test("[I32] records that do not come in the order of their changes are told, for some would be left out", async () => {
    const items = [
      { id: 1, at: 5 },
      { id: 2, at: 3 },
    ];
    const reader = anchored({
      shape: { ...shape, at: (item) => item["at"] },
      more: 2,
      lag: 0,
      question: () => ({ path: "things" }),
    });
    const { error } = await new World(async () => json({ items })).read(streamOf(things(reader)), null);
    expect(error).toMatchObject({ code: "protocol", message: expect.stringContaining("order of their changes") });
  });

  test("[I32] a window reads its part, its end excluded, and leaves the cursor alone", async () => {
    const source = new Changing(4);
    const world = new World(source.stub.handler);
    const start = Date.parse("2025-06-01T00:00:00Z");
    for (let i = 0; i < 30; i++) source.put(i, start + i * MINUTE);
    const cursor = { at: 1, seen: {} };
    const window = { from: "2025-06-01T00:10:00Z", to: "2025-06-01T00:20:00Z" };
    const read = await world.read(streamOf(things(source.reader(MINUTE))), cursor, window);
    expect(new Held().take(read).keys()).toEqual(Array.from({ length: 10 }, (_, i) => String(i + 10).padStart(6, "0")));
    expect(read).toMatchObject({ cursor, last: "caught-up" });
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
    expect(first).toMatchObject({ last: "complete", cursor: { parts: { a: { at: 24 }, b: { at: 24 } } } });
    expect(new Held().take(first).records.size).toBe(50);
    const second = await world.read(streamOf(things(each(["b", "c"], reader))), first.cursor);
    expect(second.last).toBe("caught-up");
    expect(Object.keys((second.cursor as { parts: object }).parts)).toEqual(["b", "c"]);
    expect(second.changes.length).toBe(25);
  });
});
