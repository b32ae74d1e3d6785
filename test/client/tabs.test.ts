import { describe, expect, it, onTestFinished } from "vitest";
import type { ClientOptions } from "../../src/client/index.ts";
import { memoryStore } from "../../src/client/store/memory.ts";
import { type ClientStore, StoreError } from "../../src/client/store/store.ts";
import type { Channel, Surroundings } from "../../src/client/tabs/surroundings.ts";
import { Tab } from "../../src/client/tabs/tab.ts";
import { insert, TestServer } from "../support/server.ts";

const config = { collections: { items: { atoms: { n: "sum" } } } } as const;

interface Waiting {
  readonly start: () => void;
  readonly tab: TestTab;
}

/** Locks, channels and one database, as the tabs of a browser have them. */
class TestBrowser {
  readonly database = memoryStore();
  readonly channels = new Set<{ name: string; channel: Channel; tab: TestTab }>();
  readonly #locks = new Map<string, { holder: TestTab | null; queue: Waiting[] }>();

  lockOf(name: string) {
    const lock = this.#locks.get(name) ?? { holder: null, queue: [] };
    this.#locks.set(name, lock);
    return lock;
  }

  grant(name: string): void {
    const lock = this.lockOf(name);
    if (lock.holder !== null) return;
    const next = lock.queue.shift();
    if (next === undefined) return;
    lock.holder = next.tab;
    next.start();
  }

  /** The browser takes back what a tab held. */
  kill(tab: TestTab): void {
    for (const entry of this.channels) if (entry.tab === tab) this.channels.delete(entry);
    for (const [name, lock] of this.#locks) {
      lock.queue = lock.queue.filter((each) => each.tab !== tab);
      if (lock.holder !== tab) continue;
      lock.holder = null;
      this.grant(name);
    }
  }
}

/** One tab: what it asks of a browser, until it dies. */
class TestTab implements Surroundings {
  dead = false;
  readonly client: Tab;
  readonly #browser: TestBrowser;
  stops = () => {};
  goesOn = () => {};

  constructor(
    browser: TestBrowser,
    server: TestServer,
    onWrite: (tab: TestTab, write: () => Promise<void>) => Promise<void>,
  ) {
    this.#browser = browser;
    const { database } = browser;
    const store: ClientStore = {
      ...database,
      write: async (batch) => {
        if (this.dead) throw new StoreError("unavailable", "the tab is dead");
        await onWrite(this, () => database.write(batch));
      },
    };
    const fetch = async (input: unknown, init?: RequestInit) => {
      if (this.dead) throw new TypeError("the tab is dead");
      return await server.request(new URL(String(input)).pathname, init);
    };
    const options: ClientOptions = {
      url: "http://server",
      space: "acme",
      schema: config,
      store,
      fetch: fetch as typeof globalThis.fetch,
    };
    this.client = new Tab(options, "store", this);
    onTestFinished(() => this.client.close());
  }

  channel(name: string): Channel {
    const channel: Channel = {
      onmessage: null,
      postMessage: (message) => {
        const data: unknown = structuredClone(message);
        const entry = [...this.#browser.channels].find((each) => each.channel === channel);
        if (entry === undefined) return;
        for (const other of [...this.#browser.channels]) {
          if (other.name !== name || other === entry) continue;
          setImmediate(() => this.#browser.channels.has(other) && other.channel.onmessage?.({ data }));
        }
      },
      close: () => {
        for (const each of this.#browser.channels) if (each.channel === channel) this.#browser.channels.delete(each);
      },
    };
    this.#browser.channels.add({ name, channel, tab: this });
    return channel;
  }

  async lock(name: string, signal: AbortSignal, hold: () => Promise<void>): Promise<void> {
    const lock = this.#browser.lockOf(name);
    await new Promise<void>((start, reject) => {
      const waiting = { start, tab: this };
      lock.queue.push(waiting);
      signal.addEventListener("abort", () => {
        lock.queue = lock.queue.filter((each) => each !== waiting);
        reject(new Error("given up"));
      });
      this.#browser.grant(name);
    });
    await hold();
    if (lock.holder !== this) return;
    lock.holder = null;
    this.#browser.grant(name);
  }

  onLife(stops: () => void, goesOn: () => void): () => void {
    this.stops = stops;
    this.goesOn = goesOn;
    return () => {};
  }

  die(): void {
    this.dead = true;
    this.#browser.kill(this);
  }
}

const plainly = async (_: TestTab, write: () => Promise<void>) => await write();

/** A server with a record to count in. */
async function counting() {
  const server = new TestServer(config);
  await server.write("other", insert("count", { n: 0 }));
  return { server, browser: new TestBrowser() };
}

describe("tabs with one store", () => {
  it.each(Array.from({ length: 24 }, (_, i) => i + 1))(
    "[C10] a leader that dies with write %i: each mutation of another tab happens once, and is answered",
    async (last) => {
      const { server, browser } = await counting();
      let writes = 0;
      new TestTab(browser, server, async (tab, write) => {
        writes++;
        if (writes === last && last % 2 === 0) tab.die();
        if (!tab.dead) await write();
        if (writes === last) tab.die();
        if (tab.dead) throw new StoreError("unavailable", "the tab is dead");
      });
      const second = new TestTab(browser, server, plainly);
      const ready = second.client.subscribe({ scope: "*" }).ready;
      const mutations = Array.from({ length: 6 }, (_, i) =>
        second.client.mutate((tx) => {
          tx.insert("items", { id: `r${i}` } as never);
          tx.update("items", "count", { n: { $add: 1 } } as never);
        }),
      );
      await ready;
      const outcomes = await Promise.all(mutations.map(({ settled }) => settled));
      await Promise.all(mutations.map(({ local }) => local));
      expect(outcomes.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6]);
      await second.client.sync();
      const records = (await second.client.query({ collection: "items" })) as { id: string; n?: number }[];
      expect(records.length).toBe(7);
      const counted = outcomes.filter(({ status }) => status === "applied").length;
      expect(records.find(({ id }) => id === "count")?.n).toBe(counted);
    },
  );

  it("[C15] every tab is told how far a first load has come", async () => {
    const { server, browser } = await counting();
    const text = "x".repeat(600);
    const some = (prefix: number) => Array.from({ length: 999 }, (_, i) => insert(`${prefix}-${i}`, { text }));
    for (const prefix of [1, 2, 3]) await server.write("other", some(prefix));
    const tabs = [new TestTab(browser, server, plainly), new TestTab(browser, server, plainly)];
    const told = tabs.map(({ client }) => {
      const steps: string[] = [];
      client.on("status", ({ copies }) => {
        const step = JSON.stringify(copies["*"] ?? null);
        if (step !== (steps.at(-1) ?? "null")) steps.push(step);
      });
      return steps;
    });
    await tabs[1]?.client.subscribe({ scope: "*" }).ready;
    expect(told[1]?.length).toBeGreaterThan(2);
    expect(told[1]?.at(-2)).toBe('{"done":2998,"total":2998}');
    expect(told[1]?.at(-1)).toBe("null");
    expect(told[0]).toEqual(told[1]);
  });

  it("[C10] a tab that is put aside no longer leads or waits to lead, and is back when it goes on", async () => {
    const { server, browser } = await counting();
    const first = new TestTab(browser, server, plainly);
    await first.client.sync();
    const second = new TestTab(browser, server, plainly);
    first.stops();
    await second.client.sync();
    second.stops();
    const third = new TestTab(browser, server, plainly);
    await third.client.sync();
    first.goesOn();
    expect((await first.client.mutate((tx) => tx.insert("items", { id: "a" } as never)).settled).status).toBe(
      "applied",
    );
  });

  it("[C10] an error has its class and its code in every tab", async () => {
    const { server, browser } = await counting();
    const [first, second] = [new TestTab(browser, server, plainly), new TestTab(browser, server, plainly)];
    await first.client.sync();
    await expect(second.client.get("items", "")).rejects.toMatchObject({ name: "ClientError", code: "invalid" });
    await expect(second.client.subscribe({ scope: "*" }).ready).resolves.toBe(undefined);
    await second.client.close();
    await expect(second.client.sync()).rejects.toMatchObject({ code: "closed" });
    expect(() => second.client.mutate((tx) => tx.delete("items", "a"))).toThrow("closed");
  });

  it("[C10] what is observed is told once more by a new leader only where it has changed", async () => {
    const { server, browser } = await counting();
    const first = new TestTab(browser, server, plainly);
    await first.client.subscribe({ scope: "*" }).ready;
    const second = new TestTab(browser, server, plainly);
    const told: number[] = [];
    second.client.observe({ collection: "items" }, (records) => told.push(records.length));
    await second.client.sync();
    first.die();
    await second.client.mutate((tx) => tx.insert("items", { id: "a" } as never)).settled;
    await second.client.sync();
    expect(told).toEqual([1, 2]);
  });
});
