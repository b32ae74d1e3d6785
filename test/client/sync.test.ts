import { describe, expect, it } from "vitest";
import type { Status } from "../../src/client/index.ts";
import {
  begin,
  clientOf,
  copy,
  delta,
  end,
  json,
  ndjson,
  never,
  patch,
  problem,
  put,
  Script,
  type Sent,
  timed,
} from "./support.ts";

const fill = () => ndjson(begin(5), copy("*"), put(5, { id: "a" }), end(5, { "*": { cursor: "c5" } }));
const current = () => ndjson(begin(5), delta("*", 5), end(5, { "*": {} }));
const taken = ({ body }: Sent) =>
  json({
    revision: 6,
    lastMutation: 1,
    outcomes: body.mutations.map(({ id }: { id: number }) => ({ id, status: "applied", revision: 6 })),
  });

async function filled(script: Script, options = {}) {
  const { client, clock } = timed(script.on("pull", fill, current), options);
  await client.subscribe({ scope: "*" }).ready;
  return { client, clock };
}

it("[C1] a subscription is among those of the client from the moment on that it is made", async () => {
  const { client } = timed(new Script().on("pull", never));
  client.subscribe({ scope: "*" });
  expect((await client.subscriptions()).map(({ key }) => key)).toEqual(["*"]);
});

describe("the sync loop", () => {
  it("[L6] waits for news, and shows them when they come", async () => {
    let say: (answer: Response) => void = () => {};
    const script = new Script().on(
      "wait",
      () =>
        new Promise<Response>((resolve) => {
          say = resolve;
        }),
      never,
    );
    const { client, clock } = await filled(script, { wait: 20 });
    await clock.until(() => script.bodies("wait").length === 1, 1_000);
    expect(script.bodies("wait")[0]).toMatchObject({ wait: 20, subscriptions: [{ scope: "*", cursor: "c5" }] });
    say(ndjson(begin(6), delta("*", 5), patch(6, { id: "a", n: 1 } as never), end(6, { "*": { cursor: "c6" } })));
    await clock.until(() => client.status.revision === 6, 1_000);
    expect(await client.get("items", "a")).toEqual({ id: "a", n: 1 });
  });

  it("[C3] a local write is pushed at once, beside a pull that waits; then the replica follows", async () => {
    const script = new Script().on("push", taken);
    const { client, clock } = await filled(script);
    await clock.until(() => script.bodies("wait").length === 1, 1_000);
    script.on("pull", () => ndjson(begin(6), delta("*", 5), end(6, { "*": { cursor: "c6" } }, 1)));
    const began = clock.elapsed();
    expect(await client.mutate((tx) => tx.update("items", "a", { n: 1 })).settled).toMatchObject({ status: "applied" });
    expect(clock.elapsed()).toBe(began);
    expect(script.sent.map(({ path }) => path).slice(0, 4)).toEqual(["pull", "wait", "push", "pull"]);
  });

  it("[C2] no request is waited for without end: one that says nothing is given up and made again", async () => {
    const script = new Script().on("wait", never, current);
    const { client, clock } = await filled(script, { wait: 25 });
    await clock.until(() => client.status.state === "offline", 600_000);
    expect(client.status).toMatchObject({ cause: "nothing came from the server for 55 seconds" });
    await clock.until(() => client.status.state === "upToDate", 600_000);
    expect(client.status.state).toBe("upToDate");
  });

  it("[C2] an answer that stops in the middle is given up, too", async () => {
    const stuck = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode('{"op":"begin"')),
    });
    const answer = () => new Response(stuck, { headers: { "content-type": "application/x-ndjson" } });
    const { client, clock } = await filled(new Script().on("wait", answer));
    await clock.until(() => client.status.state === "offline", 600_000);
    expect(client.status.state).toBe("offline");
  });

  it("[L5] comes back with growing pauses, each drawn at random, and none longer than half a minute", async () => {
    const refused = () => {
      throw new TypeError("fetch failed");
    };
    const script = new Script().on("wait", refused);
    const { clock } = await filled(script);
    script.on("pull", refused);
    const times: number[] = [];
    for (let i = 0; i < 40; i++) {
      const count = script.sent.length;
      await clock.until(() => script.sent.length > count, 60_000);
      times.push(clock.elapsed());
    }
    const pauses = times.slice(1).map((time, i) => time - (times[i] as number));
    expect(Math.max(...pauses)).toBeLessThanOrEqual(30_000);
    expect(Math.max(...pauses.slice(10))).toBeGreaterThan(10_000);
    expect(new Set(pauses).size).toBeGreaterThan(30);
  });

  it("[C2] local writes do not hurry a server that is away", async () => {
    const script = new Script().on("push", () => {
      throw new TypeError("fetch failed");
    });
    const { client, clock } = await filled(script);
    for (let i = 0; i < 50; i++) await client.mutate((tx) => tx.update("items", "a", { n: i })).local;
    await clock.run(1);
    expect(script.bodies("push").length).toBeLessThanOrEqual(2);
  });

  it("[C2] sync() sends at once what a failed push has left, and waits for no pause", async () => {
    const refused = () => {
      throw new TypeError("fetch failed");
    };
    const script = new Script().on("push", refused, taken);
    const { client, clock } = await filled(script.on("pull", fill, never));
    await client.mutate((tx) => tx.update("items", "a", { n: 1 })).local;
    await clock.run(0);
    expect([client.status.state, script.bodies("push").length]).toEqual(["offline", 1]);
    client.sync().catch(() => {});
    await clock.run(0);
    expect(script.bodies("push").length).toBe(2);
  });

  it("[C3] an outcome alone changes nothing of what is shown, so that nobody is told of a change", async () => {
    const script = new Script().on("push", taken);
    const { client, clock } = await filled(script.on("pull", fill, never));
    let changes = 0;
    client.on("change", () => changes++);
    await client.mutate((tx) => tx.update("items", "a", { n: 1 })).local;
    await clock.until(() => client.status.pending === 0, 1_000);
    expect([client.status.pending, changes]).toEqual([0, 1]);
  });

  it("[M1] [R2] a replica without a cursor that a restored server takes back is told so", async () => {
    const other = () => ndjson(begin(3), copy("b"), end(3, { b: { cursor: "c3" } }));
    const script = new Script().on("pull", fill, other);
    const { client } = timed(script);
    const first = client.subscribe({ scope: "*" });
    await first.ready;
    await first.unsubscribe();
    await client.subscribe({ scope: "b" }).ready;
    expect(client.status.revision).toBe(3);
    expect(client.told).toEqual([{ event: "recovered", value: { reason: "lost", common: 3, offered: 0 } }]);
  });

  it("[H1] [C2] is as patient as the server asks", async () => {
    const script = new Script().on("wait", () => problem("rate-limited", 429, { retryAfter: 90 }), never);
    const { client, clock } = await filled(script);
    await clock.until(() => client.status.state === "offline", 1_000);
    const count = script.sent.length;
    await clock.run(89_000);
    expect(script.sent.length).toBe(count);
    await clock.run(60_000);
    expect(script.sent.length).toBeGreaterThan(count);
  });

  it("[C2] says unauthorised while its token is refused, and goes on with a new one", async () => {
    let token = "old";
    const guarded =
      (answer: () => Response) =>
      ({ headers }: Sent) =>
        headers.get("authorization") === "Bearer new" ? answer() : problem("unauthenticated", 401);
    const script = new Script().on("pull", guarded(fill));
    const { client, clock } = timed(script, { auth: async () => token });
    const { ready } = client.subscribe({ scope: "*" });
    await clock.until(() => client.status.state === "unauthorised", 10_000);
    token = "new";
    await clock.until(() => client.status.state === "upToDate", 60_000);
    await ready;
    expect(client.status).toMatchObject({ state: "upToDate", cause: null });
  });

  it("[L6] a server that does not wait is asked once a second", async () => {
    const script = new Script().on("wait", current);
    const { clock } = await filled(script);
    await clock.run(10_500);
    expect(script.bodies("wait").length).toBeLessThanOrEqual(11);
  });

  it("[P9] content that never has the fingerprint that the server says is a failure, not a race", async () => {
    const wrong = { cursor: "c5", count: 7, digest: "0".repeat(32) };
    const script = new Script()
      .on("pull", () => ndjson(begin(5), copy("*"), put(5, { id: "a" }), end(5, { "*": wrong })))
      .on("verify", () => ndjson(begin(5), delta("*", 5), end(5, { "*": wrong })));
    const { client, clock } = timed(script, {});
    client.subscribe({ scope: "*" }).ready.catch(() => {});
    await clock.until(() => client.status.state === "failed", 10_000);
    expect(client.status.cause).toContain("does not have the fingerprint");
    const count = script.sent.length;
    await clock.run(60_000);
    expect(script.sent.length).toBeLessThan(count + 60);
  });

  it("[C2] an answer to a question that was asked before does not make a replica up to date", async () => {
    let say: (answer: Response) => void = () => {};
    const script = new Script().on(
      "wait",
      () =>
        new Promise<Response>((resolve) => {
          say = resolve;
        }),
      never,
    );
    const { client, clock } = await filled(script);
    await clock.until(() => script.bodies("wait").length === 1, 1_000);
    const before = script.bodies("pull").length;
    const synced = client.sync();
    say(current());
    await synced;
    expect(script.bodies("pull").length).toBe(before + 1);
  });

  it("[C2] tells each change of its state once", async () => {
    const states: Status[] = [];
    const script = new Script().on("pull", fill, current);
    const { client } = timed(script, {});
    client.on("status", (status) => states.push(status));
    await client.subscribe({ scope: "*" }).ready;
    await client.sync();
    await client.close();
    expect(states.map(({ state }) => state)).toEqual(["behind", "upToDate", "behind", "upToDate", "stopped"]);
  });

  it("[C2] what is waited for when the client is closed is told so", async () => {
    const script = new Script().on("pull", never);
    const client = clientOf({ fetch: script.fetch });
    const { ready } = client.subscribe({ scope: "*" });
    const synced = client.sync();
    const { local, settled } = client.mutate((tx) => tx.insert("items", { id: "a" }));
    await local;
    await client.close();
    for (const waiting of [ready, synced, settled]) await expect(waiting).rejects.toMatchObject({ code: "closed" });
    await expect(client.get("items", "a")).rejects.toMatchObject({ code: "closed" });
    expect(client.status.state).toBe("stopped");
  });
});
