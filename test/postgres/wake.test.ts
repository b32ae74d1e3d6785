import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { openPostgresStore, type PostgresStoreOptions, type Wake } from "../../src/store/postgres/index.ts";
import { Listening } from "../../src/store/postgres/wake/listening.ts";
import type { WakeLink } from "../../src/store/postgres/wake/wake.ts";
import { failureOf } from "../../src/testing/store-trial.ts";
import type { Clock } from "../../src/util/clock.ts";
import { LOOKING, STILL } from "../support/clock.ts";
import { folderOf } from "../support/folder.ts";
import { type LiveClient, LiveServer } from "../support/live.ts";
import { hasNats, NatsServer } from "../support/nats.ts";
import { schemaUrl } from "../support/postgres.ts";
import { insert, ofOp } from "../support/server.ts";
import { skipUnless } from "../support/skip.ts";

const natsTest = skipUnless(hasNats, "needs nats-server");

/** What stores said, as they said it. */
class Said {
  readonly errors: string[] = [];
  readonly infos: string[] = [];
  readonly log = {
    error: (fields: object, message: string) => void this.errors.push(`${message} ${JSON.stringify(fields)}`),
    info: (fields: object, message: string) => void this.infos.push(`${message} ${JSON.stringify(fields)}`),
  };
}

/** Two servers on one database. Their clocks stand still, unless it is said that they look by themselves. */
async function twoServers(options: PostgresStoreOptions, clock: Clock = STILL): Promise<[LiveServer, LiveServer]> {
  const url = await schemaUrl();
  const make = async () => {
    const store = await openPostgresStore({ url, ...options });
    const server = await LiveServer.start({}, { store, clock });
    onTestFinished(() => server[Symbol.asyncDispose]());
    return server;
  };
  return [await make(), await make()];
}

async function follow(server: LiveServer): Promise<LiveClient> {
  const client = await server.connect();
  await client.subscribe({ scope: "*" });
  return client;
}

const toldIn = (client: LiveClient) =>
  ofOp(client.lines as never, "put").flatMap(({ records }) => records.map(({ id }) => id));

/** Pushes records to the servers in turn, and gives their ids. */
async function push(servers: readonly LiveServer[], count: number, prefix = "r"): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  for (const [i, id] of ids.entries())
    await (servers[i % servers.length] as LiveServer).write(`c-${prefix}${i}`, insert(id));
  return ids;
}

/** Live readers at the second server, and at the first, of what is pushed to the first, and then to both. */
async function checkLive(servers: readonly [LiveServer, LiveServer]): Promise<void> {
  const readers = [await follow(servers[1]), await follow(servers[1]), await follow(servers[0])];
  const ids = await push([servers[0]], 20, "one-");
  for (const reader of readers) await sees(reader, ids);
  ids.push(...(await push(servers, 20, "both-")));
  for (const reader of readers) await sees(reader, ids);
}

async function sees(reader: LiveClient, ids: readonly string[]): Promise<void> {
  await expect.poll(() => toldIn(reader).length, { timeout: 20_000 }).toBeGreaterThanOrEqual(ids.length);
  expect(toldIn(reader)).toEqual(ids);
}

describe("live readers see what is pushed to another server, in order, without a gap, each revision once", () => {
  test("[R7 R11 L1] by NOTIFY", async () => checkLive(await twoServers({ wake: "notify" })));

  natsTest("[R7 R11 L1] by NATS", async () => {
    const nats = await NatsServer.start();
    await checkLive(await twoServers({ wake: nats.url() }));
  });

  test("[R7 R11 L1] by nothing, since each server looks by itself", async () => {
    await checkLive(await twoServers({ wake: "none" }, LOOKING));
  });

  test("[R7 R11] and by nothing but that: a clock that stands still shows that there was no wake-up", async () => {
    const servers = await twoServers({ wake: "none" });
    const reader = await follow(servers[1]);
    await push([servers[0]], 3);
    expect(await reader.pull()).toMatchObject({ revision: 3 });
    expect(reader.frames).toBeLessThanOrEqual(2);
  });
});

describe("NATS", () => {
  natsTest(
    "[R11 R5 A6] that is down at the start: servers go on, it is said once, and all are woken when it is there",
    async () => {
      const nats = await NatsServer.make();
      const said = new Said();
      const servers = await twoServers({ wake: nats.url("app:s3cret@"), log: said.log });
      const reader = await follow(servers[1]);
      const before = await push([servers[0]], 2, "before-");
      await nats.start("--user", "app", "--pass", "s3cret");
      await expect.poll(() => toldIn(reader), { timeout: 20_000 }).toEqual(before);
      await expect.poll(() => said.infos.length, { timeout: 20_000 }).toBe(2);
      const after = await push([servers[0]], 2, "after-");
      await expect.poll(() => toldIn(reader), { timeout: 20_000 }).toEqual([...before, ...after]);
      expect(said.errors).toHaveLength(2);
      expect(said.errors[0]).toMatch(/not heard of.*NATS at 127\.0\.0\.1:\d+.*refused/);
      expect(said.errors.concat(said.infos).join()).not.toMatch(/s3cret|app:/);
    },
  );

  natsTest("[R11 R5] that is killed: pushes go on, it is said once, and all are woken when it is back", async () => {
    const nats = await NatsServer.start();
    const said = new Said();
    const servers = await twoServers({ wake: nats.url(), log: said.log });
    const reader = await follow(servers[1]);
    const before = await push([servers[0]], 2, "before-");
    await expect.poll(() => toldIn(reader)).toEqual(before);
    await nats.kill();
    await expect.poll(() => said.errors.length).toBe(2);
    const missed = await push([servers[0]], 2, "missed-");
    expect(toldIn(reader)).toEqual(before);
    await nats.start();
    await expect.poll(() => toldIn(reader), { timeout: 20_000 }).toEqual([...before, ...missed]);
    const after = await push([servers[0]], 2, "after-");
    await expect.poll(() => toldIn(reader), { timeout: 20_000 }).toEqual([...before, ...missed, ...after]);
    expect([said.errors.length, said.infos.length]).toEqual([2, 2]);
  });

  const LOGIN = 'user: "app", password: "s3cret"';
  const REFUSALS = [
    ["the password", 'user: "app", password: "other"', /Authorization Violation/i],
    ["to be listened to", `${LOGIN}, permissions: { subscribe: "nothing", publish: ">" }`, /Permissions Violation/i],
    ["to be told", `${LOGIN}, permissions: { subscribe: ">", publish: "nothing" }`, /Permissions Violation/i],
  ] as const;
  for (const [what, user, cause] of REFUSALS) {
    natsTest(`[R11 A6] that refuses ${what}: it is said, without the password, and servers go on`, async () => {
      const folder = folderOf({ "nats.conf": `authorization: { users: [{ ${user} }] }` });
      const nats = await NatsServer.start("-c", join(folder, "nats.conf"));
      const said = new Said();
      const servers = await twoServers({ wake: nats.url("app:s3cret@"), log: said.log }, LOOKING);
      await checkLive(servers);
      expect([said.errors.length, said.infos.length]).toEqual([2, 0]);
      expect(said.errors[0]).toMatch(cause);
      expect(said.errors.join()).not.toMatch(/s3cret/);
    });
  }

  natsTest("[R11] keeps databases apart by their name and schema, or by the subject that is given", async () => {
    const nats = await NatsServer.start();
    const heard: string[] = [];
    const url = await schemaUrl();
    const listen = async (wake: string, at: string) => {
      const store = await openPostgresStore({ url: at, wake });
      onTestFinished(() => store.close());
      store.watch((space) => heard.push(`${wake === nats.url() ? "own" : "other"} ${space}`));
      return new LiveServer({}, { store, clock: STILL });
    };
    const writer = await listen(nats.url(), await schemaUrl());
    await listen(`${nats.url()}?subject=somewhere.else`, url);
    await listen(nats.url(), url);
    await writer.write("c1", insert("a"));
    const same = await listen(`${nats.url()}?subject=somewhere.else`, url);
    await same.write("c1", insert("b"));
    await expect.poll(() => heard).toEqual(["own acme", "other acme", "other acme"]);
  });
});

describe("what is told", () => {
  /** A way of one's own, which holds each message back until it is let go. */
  function held() {
    const messages: string[][] = [];
    let letGo: () => void = () => undefined;
    let lose: (cause: string) => void = () => undefined;
    const wake: Wake = {
      text: "a test",
      async connect(): Promise<WakeLink> {
        const lost = new Promise<string>((resolve) => {
          lose = resolve;
        });
        return {
          lost,
          send: (sent) => {
            messages.push(sent.map((message) => message.split(" ")[0] as string));
            return new Promise((resolve) => {
              letGo = resolve;
            });
          },
          close: () => lose("closed"),
        };
      },
    };
    return { wake, messages, letGo: () => letGo(), lose: () => lose("gone") };
  }

  test("[R11] while a message is under way goes with the next one, each space once", async () => {
    const { wake, messages, letGo } = held();
    const listening = new Listening(wake, async () => []);
    await listening.start();
    for (const space of ["a", "b", "b", "c", "b"]) listening.tell(space);
    letGo();
    await expect.poll(() => messages).toEqual([["a"], ["b", "c"]]);
    letGo();
    await listening.close();
  });

  test("[R11] while nobody can be told is told when that is possible again", async () => {
    const { wake, messages, letGo, lose } = held();
    const listening = new Listening(wake, async () => []);
    await listening.start();
    lose();
    await Promise.resolve();
    await new Promise(setImmediate);
    for (const space of ["a", "b", "a"]) listening.tell(space);
    await expect.poll(() => messages).toEqual([["a", "b"]]);
    letGo();
    await listening.close();
  });

  test("[R11] while nothing could be heard is made good: whoever watches is woken in every space, once it can", async () => {
    const { wake, lose } = held();
    const woken: string[] = [];
    const listening = new Listening(wake, async () => ["a", "b"]);
    listening.watch((space) => woken.push(space));
    await listening.start();
    expect(woken).toEqual([]);
    lose();
    await expect.poll(() => woken).toEqual(["a", "b"]);
    await listening.close();
  });

  test("[R11] a database that has no LISTEN is asked once, and that is said", async () => {
    let asked = 0;
    const none: Wake = {
      text: "NOTIFY of a test",
      async connect() {
        asked++;
        return null;
      },
    };
    const said = new Said();
    await checkLive(await twoServers({ wake: none, log: said.log }, LOOKING));
    expect([asked, said.errors.length, said.errors[0]]).toEqual([2, 2, expect.stringMatching(/there is none/)]);
  });
});

test("[R11 A6 R5] an address that is none is refused, and not repeated", async () => {
  const url = await schemaUrl();
  for (const wake of ["nats://me:s3cret@", "nats://me:s3cret@a b", "redis://me:s3cret@host", "nats://h?subject=>"]) {
    const failure = (await failureOf(openPostgresStore({ url, wake }))) as Error;
    expect(failure.message).toMatch(/nats:\/\/(user:password@)?host:4222/);
    expect(failure.message).not.toMatch(/s3cret/);
  }
});
