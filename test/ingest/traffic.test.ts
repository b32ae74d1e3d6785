import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { type Budget, type Http, SourceError } from "../../src/ingest/source.ts";
import { type Exchange, recorded, replayed } from "../../src/ingest/sources/http/recording.ts";
import { createHttp } from "../../src/ingest/sources/http/traffic.ts";
import { failing, json, Stub } from "../../src/testing/stubs/index.ts";
import { World } from "./http-support.ts";

const URL = "http://api.test/things";
const CREDENTIAL = "s3cret-token";
const ok = () => json({ items: [] });
const budget = (more: Partial<Budget> = {}): Budget => ({ credential: CREDENTIAL, limits: [], ...more });

async function failureOf(work: Promise<unknown>): Promise<SourceError> {
  const error = await work.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(SourceError);
  return error as SourceError;
}

describe("trying again", () => {
  test.each([408, 500, 502, 503, 504])(
    "[I30] %i is tried again, and the answer that follows is given",
    async (status) => {
      const stub = new Stub(ok);
      stub.trouble = (n) => (n <= 3 ? failing(status) : undefined);
      const world = new World(stub.handler);
      expect((await world.run(world.http(URL))).status).toBe(200);
      expect(stub.asked.length).toBe(4);
    },
  );

  test.each([400, 401, 403, 404])("[I30] %i is never tried again", async (status) => {
    const stub = new Stub(() => failing(status));
    const world = new World(stub.handler);
    expect((await world.run(world.http(URL))).status).toBe(status);
    expect(stub.asked.length).toBe(1);
    expect(world.clock.elapsed()).toBe(0);
  });

  test("[I30] six tries, waits with full jitter of at most a minute, then `unreachable` with the place and the cause", async () => {
    const world = new World(new Stub(() => failing(502)).handler);
    const error = await failureOf(world.run(world.http(`${URL}?api_key=hush-hush`)));
    expect(error.code).toBe("unreachable");
    expect(error.message).toMatch(
      /GET http:\/\/api\.test\/things\?api_key=\*\*\*: answered 502: upstream failed, 6 times/,
    );
    // 1 + 2 + 4 + 8 + 16 seconds are the bounds that jitter is drawn under.
    expect(world.clock.elapsed()).toBeGreaterThan(0);
    expect(world.clock.elapsed()).toBeLessThan(31_000);
  });

  test("[I30] no wait is longer than a minute, however often it failed", async () => {
    const times: number[] = [];
    const world: World = new World(
      async () => {
        times.push(world.clock.elapsed());
        return failing();
      },
      { tries: 40 },
    );
    await failureOf(world.run(world.http(URL)));
    expect(Math.max(...times.slice(1).map((time, index) => time - (times[index] ?? 0)))).toBeLessThanOrEqual(60_000);
    expect(times.length).toBe(40);
  });

  test("[I30] an answer that breaks off in its middle is tried again", async () => {
    let n = 0;
    const world = new World(async () => {
      if (n++ > 0) return ok();
      const broken = new ReadableStream({
        pull(controller) {
          controller.error(new Error("terminated"));
        },
      });
      return new Response(broken);
    });
    expect(await (await world.run(world.http(URL))).json()).toEqual({ items: [] });
  });

  test("[I30] who does not answer in two minutes is asked again", async () => {
    let n = 0;
    const world = new World((request) =>
      n++ > 0
        ? Promise.resolve(ok())
        : new Promise((_, reject) => request.signal.addEventListener("abort", () => reject(request.signal.reason))),
    );
    expect((await world.run(world.http(URL))).status).toBe(200);
    expect(world.clock.elapsed()).toBeGreaterThanOrEqual(120_000);
  });

  test("[I30] an answer larger than the limit is refused", async () => {
    const world = new World(async () => new Response("x".repeat(1001)), { most: 1000 });
    expect((await failureOf(world.run(world.http(URL)))).code).toBe("protocol");
  });

  test("[I30] whoever stops stops, also while it waits", async () => {
    const stub = new Stub(() => failing());
    const world = new World(stub.handler);
    const stop = new AbortController();
    const work = world.http(URL, { signal: stop.signal });
    work.catch(() => {});
    await world.clock.until(() => stub.asked.length === 2, 60_000);
    stop.abort(new Error("stopped"));
    await expect(world.run(work)).rejects.toThrow("stopped");
    // One may have been on its way; six would be all.
    expect(stub.asked.length).toBeLessThanOrEqual(3);
  });

  test("[I30] a real network that is not there is `unreachable`", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const gone = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    server.close();
    await once(server, "close");
    const world = new World(async () => ok(), { fetch, tries: 1 });
    expect((await failureOf(world.http(gone))).message).toContain("ECONNREFUSED");
  });
});

describe("limits", () => {
  test("[I30] `Retry-After` is obeyed, in seconds and as a date", async () => {
    const stub = new Stub(ok);
    const world = new World(stub.handler);
    const date = new Date(world.clock.now() + 90_000).toUTCString();
    stub.trouble = (n) => {
      if (n === 1) return json({}, 429, { "retry-after": "30" });
      return n === 2 ? json({}, 503, { "retry-after": date }) : undefined;
    };
    await world.run(world.http(URL));
    expect(world.clock.elapsed()).toBeGreaterThanOrEqual(90_000);
    expect(world.clock.elapsed()).toBeLessThan(92_000);
  });

  test("[I30] who is to wait for more than five minutes is `busy`, with the time, and nobody asks before", async () => {
    const stub = new Stub(() => json({ message: "daily" }, 429, { "retry-after": "7200" }));
    const world = new World(stub.handler);
    const error = await failureOf(world.run(world.http(URL, { budget: budget() })));
    expect(error).toMatchObject({ code: "busy", retryAt: world.clock.now() + 7_200_000 });
    expect((await failureOf(world.run(world.http(URL, { budget: budget() })))).code).toBe("busy");
    expect(stub.asked.length).toBe(1);
    await world.clock.run(7_200_000);
    stub.trouble = () => ok();
    expect((await world.run(world.http(URL, { budget: budget() }))).status).toBe(200);
  });

  test("[I30] a limit is shared by all that ask a host with a credential, and by nobody else", async () => {
    const times = new Map<string, number[]>();
    const world: World = new World(async (request) => {
      const who = `${new globalThis.URL(request.url).host} ${request.headers.get("authorization")}`;
      times.set(who, [...(times.get(who) ?? []), world.clock.elapsed()]);
      return ok();
    });
    const ask = (host: string, credential: string) =>
      world.http(`http://${host}/x`, {
        headers: { authorization: credential },
        budget: { credential, limits: [{ requests: 5, per: 1000 }] },
      });
    const all = Array.from({ length: 20 }, () => [
      ask("a.test", "one"),
      ask("a.test", "two"),
      ask("b.test", "one"),
    ]).flat();
    await world.run(Promise.all(all));
    expect(times.size).toBe(3);
    for (const each of times.values()) {
      expect(each.length).toBe(20);
      for (const [index, time] of each.entries())
        expect(time - (each[index - 5] ?? -1000)).toBeGreaterThanOrEqual(1000);
    }
  });

  test("[I30] after a clock that was set back an hour, requests go on", async () => {
    const world = new World(async () => ok());
    const limited = { budget: budget({ limits: [{ requests: 1, per: 1000 }] }) };
    await world.run(world.http(URL, limited));
    world.clock.jump(-3_600_000);
    await world.run(world.http(URL, limited));
    expect(world.clock.elapsed()).toBeLessThanOrEqual(1000);
  });

  test("[I30] what an answer that is good says of a spent quota holds for the next request", async () => {
    const world = new World(async () => ok());
    const told = budget({ pause: ({ now }) => now + 10_000 });
    await world.run(world.http(URL, { budget: told }));
    expect(world.clock.elapsed()).toBe(0);
    await world.run(world.http(URL, { budget: told }));
    expect(world.clock.elapsed()).toBe(10_000);
  });

  test("[I30] the secret is in no message", async () => {
    const world = new World(async () => failing(500), { tries: 2 });
    const error = await failureOf(world.run(world.http(`${URL}?k=${CREDENTIAL}`, { budget: budget() })));
    expect(error.message).not.toContain(CREDENTIAL);
    const told = new World(async () => new Response(`no: ${CREDENTIAL}`, { status: 500 }), { tries: 2 });
    expect((await failureOf(told.run(told.http(URL, { budget: budget() })))).message).not.toContain(CREDENTIAL);
  });
});

describe("recording", () => {
  const exchanges: Exchange[] = [];
  const ask = async (http: Http) => {
    const token = await http("http://api.test/token", { method: "POST", body: "grant_type=x&client_secret=hush-hush" });
    const pages = [];
    for (const page of [1, 2]) {
      const answer = await http(`${URL}?page=${page}&api_key=hush-hush`, {
        headers: { authorization: "Bearer hush-hush" },
      });
      pages.push(await answer.text());
    }
    return [token.status, ...pages];
  };
  const stub = new Stub(({ path, query }) => {
    if (path === "/token") return json({ access_token: "hush-hush", expires_in: 3600 });
    return json({ page: query.get("page"), echo: "hush-hush" }, 200, { "set-cookie": "session=hush-hush" });
  });

  test("[I39] what passes is recorded without secrets, and replayed byte for byte", async () => {
    const world = new World(stub.handler);
    const real = (async (url, init) => stub.handler(new Request(url as string, init))) as typeof fetch;
    const tell = (exchange: Exchange) => exchanges.push(exchange);
    const { clock } = world;
    const random = { bytes: (length: number) => new Uint8Array(length), fraction: () => 0 };
    const first = await world.run(ask(createHttp({ clock, random, fetch: recorded(real, tell, ["hush-hush"]) })));
    expect(JSON.stringify(exchanges)).not.toContain("hush-hush");
    expect(exchanges.length).toBe(3);

    const kept = JSON.parse(JSON.stringify(exchanges)) as Exchange[];
    const second = await world.run(ask(createHttp({ clock, random, fetch: replayed(kept, ["hush-hush"]) })));
    expect(second).toEqual(first.map((text) => (typeof text === "string" ? text.replace("hush-hush", "***") : text)));
  });

  test("[I39] what was never recorded is named", async () => {
    const replay = replayed(exchanges);
    await expect(replay("http://api.test/other")).rejects.toThrow("not recorded: GET http://api.test/other");
  });
});
