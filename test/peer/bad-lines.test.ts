// Links over lines that are slow, narrow, deaf and broken: no wedge, no false "up to date", on from where it was.
import { expect, onTestFinished, test } from "vitest";
import type { Link } from "../../src/peer/link.ts";
import { linksOver, type RunningLinks } from "../../src/peer/links.ts";
import { listen } from "../../src/server/index.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { Proxy } from "../support/proxy.ts";
import { insert, TestServer, update } from "../support/server.ts";

/** Two servers, and the line between them. */
async function line() {
  const above = new TestServer({ limits: { rate: false } });
  const listening = await listen(above.server, { host: "127.0.0.1", port: 0 });
  const proxy = await Proxy.to(listening.url);
  const up = { url: proxy.url(listening.url), direction: "both" as const };
  let links: RunningLinks | null = null;
  const below = new TestServer(
    { links: { acme: { up } } },
    {
      links: (host) => {
        links = linksOver({})(host);
        return links;
      },
    },
  );
  onTestFinished(async () => {
    proxy.close();
    await below.server.close();
    await listening.close();
  });
  const link = (links as unknown as RunningLinks).named("acme", "up") as Link;
  return { above, below, proxy, link };
}

type Line = Awaited<ReturnType<typeof line>>;

async function digest(server: TestServer): Promise<string> {
  return JSON.stringify((await server.head("?scope=*")).scopes?.["*"]);
}

/** Resolves when both hold the same, and nothing is on its way. */
async function atRest({ above, below, link }: Line): Promise<void> {
  for (;;) {
    const [up, down] = await Promise.all([digest(above), digest(below)]);
    const head = (await below.head()).revision;
    if (up === down && link.mirror.pending.size === 0 && link.mirror.space.place.taken === head) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Text that does not get smaller by compression. */
function noise(random: ReturnType<typeof seededRandom>, length: number): string {
  return Buffer.from(random.bytes(length)).toString("base64");
}

test("[S4] a line that holds everything back for two seconds carries both ways", async () => {
  const all = await line();
  all.proxy.slow(() => 2_000);
  await all.above.write("ann", [insert("x", { n: 1 })]);
  await all.below.write("bob", [insert("y", { n: 1 })]);
  await atRest(all);
}, 120_000);

test("[S4] a line that breaks again and again, in both directions and at any byte, loses nothing", async () => {
  const all = await line();
  const random = seededRandom("cuts");
  for (let n = 0; n < 6; n++) {
    all.proxy.cutAfter(random.below(n % 2 === 0 ? 400 : 3_000), random.chance(0.5) ? "asked" : "answered");
    await all.above.write("ann", [insert(`a${n}`, { text: noise(random, 1_000) })]);
    await all.below.write("bob", [insert(`b${n}`, { text: noise(random, 1_000) })]);
    if (n % 3 === 2) all.proxy.drop();
    await atRest(all);
  }
  expect((await all.above.head("?scope=*")).scopes?.["*"]?.count).toBe(12);
}, 120_000);

test("[S4] [P5] a first copy that breaks goes on behind what had come, and shows nothing before it is whole", async () => {
  const all = await line();
  all.proxy.stand();
  const random = seededRandom("resumed");
  let whole = 0;
  for (let n = 0; n < 60; n++) {
    const records = Array.from({ length: 100 }, (_, i) => insert(`r${n}-${i}`, { text: noise(random, 300) }));
    whole += JSON.stringify(records).length;
    await all.above.write("ann", records);
  }
  const before = all.proxy.passed.answered;
  const share = Math.floor(whole * 0.75);
  all.proxy.cutAfter(share, "answered");
  all.proxy.move();
  while (!all.proxy.isCut) {
    expect(all.link.mirror.revision).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await atRest(all);
  // What came before the break was not sent again, but for the page that it broke.
  expect(all.proxy.passed.answered - before).toBeLessThan(whole * 1.5);
}, 120_000);

test("[S8] a line that is deaf in one direction is not taken for news: nothing counts as followed that did not come", async () => {
  for (const direction of ["answered", "asked"] as const) {
    const all = await line();
    await all.above.write("ann", [insert("x", { n: 1 })]);
    await atRest(all);
    const stood = all.link.mirror.revision;
    all.proxy.mute(direction);
    await all.above.write("ann", [update("x", { n: 2 })]);
    await all.below.write("bob", [insert("y", { n: 1 })]);
    while (all.link.mirror.pending.size === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    const asOf = all.link.status?.asOf;
    await new Promise((resolve) => setTimeout(resolve, 300));
    if (direction === "answered") {
      expect([all.link.mirror.revision, all.link.status?.asOf]).toEqual([stood, asOf]);
    }
    expect(all.link.mirror.pending.size).toBe(1);
    all.proxy.mute(null);
    all.proxy.drop();
    await atRest(all);
  }
}, 120_000);

test("[S4] over 50 kbit/s a copy arrives, a piece after the other", async () => {
  const all = await line();
  all.proxy.narrow(50_000 / 8);
  const random = seededRandom("narrow");
  await all.above.write(
    "ann",
    Array.from({ length: 40 }, (_, i) => insert(`r${i}`, { text: noise(random, 300) })),
  );
  await all.below.write("bob", [insert("y", { n: 1 })]);
  await atRest(all);
}, 120_000);
