import { randomBytes } from "node:crypto";
import { describe, expect } from "vitest";
import { folderOf } from "../support/folder.ts";
import { SECRET, tokenFor } from "../support/server.ts";
import type { ContractApi, StoreName } from "./api.ts";
import { inBrowser, killed, profile, profileIn } from "./chromium.ts";
import { AppTab, app, Place } from "./place.ts";
import { remote, site } from "./site.ts";

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `many-${i}`);

inBrowser("[R1] what can still be read of the notes survives a damaged file on OPFS", async () => {
  const page = await (await profileIn(folderOf())).newPage();
  await page.goto(await site("contract"));
  const { damage, kept, last } = await remote<ContractApi>(page)("damaged", "pending/", 200);
  expect(damage).toContain("is damaged");
  expect(kept).toBeGreaterThan(150);
  expect(last).toBe("pending/0199");
});

/** What eviction takes: all but the local storage. */
const EVICTED = { indexeddb: "indexeddb", opfs: "file_systems" };

/** Chromium counts what a file of OPFS may grow by, in megabytes. */
const QUOTA = { indexeddb: 3_000_000, opfs: 12_000_000 };

describe.each<StoreName>(["indexeddb", "opfs"])("with the store on %s", (store) => {
  inBrowser(
    "[R4] [W10] a page that is reloaded in the middle of a push loses nothing and repeats nothing",
    async () => {
      const { tab, place } = await oneTab(store);
      await tab.insert("settled", "count", { n: 0 });
      await tab.call("writeMany", "c", "many", 300);
      await tab.until("durable", (ids) => ids.length >= 20);
      const durable = await tab.call("durable", "c");
      await tab.page.reload();
      await tab.call("open", "c", { url: place.url, name: "main", store });
      await tab.sync();
      await holdsAll(tab, durable);
    },
  );

  inBrowser(
    "[R4] [W10] a browser that is killed in the middle of a push loses nothing and repeats nothing",
    async () => {
      const place = await Place.begin();
      const [folder, address] = [folderOf(), await app()];
      const opening = { url: place.url, name: "main", store };
      const context = await profileIn(folder);
      const tab = await AppTab.open(context, address, opening);
      await tab.insert("settled", "count", { n: 0 });
      await tab.subscribe();
      await tab.call("writeMany", "c", "many", 300);
      await tab.until("durable", (ids) => ids.length >= 20);
      const durable = await tab.call("durable", "c");
      await killed(context, folder);
      const again = await AppTab.open(await profileIn(folder), address, opening);
      await again.sync();
      await holdsAll(again, durable);
    },
  );

  inBrowser(
    "[R1] [C14] a store whose site's data is cleared under an open tab is filled anew, and keeps what waits",
    async () => {
      const { tab, place, address } = await oneTab(store, () => profileIn(folderOf()));
      for (const id of numbered(20)) await tab.insert("settled", id);
      await place.server.stop("SIGKILL");
      await tab.insert("local", "waiting");
      const session = await tab.page.context().newCDPSession(tab.page);
      await session.send("Storage.clearDataForOrigin", { origin: new URL(address).origin, storageTypes: "all" });
      await place.start();
      await tab.until("told", (told) => told.some(({ event }) => event === "recovered"));
      await tab.sync();
      expect(await tab.count()).toBe(22);
      expect(await tab.call("verify", "c")).toBe(true);
      expect((await tab.told())[0]).toMatchObject({ event: "recovered", value: { reason: "damaged" } });
    },
  );

  inBrowser("[C11] [C4] a store that the browser has evicted is noticed at the next start, and copied", async () => {
    const { tab, opening, address } = await oneTab(store);
    await tab.insert("settled", "one");
    await tab.page.goto("about:blank");
    const session = await tab.page.context().newCDPSession(tab.page);
    await session.send("Storage.clearDataForOrigin", { origin: new URL(address).origin, storageTypes: EVICTED[store] });
    const again = await AppTab.open(tab.page.context(), address, opening);
    await again.subscribe();
    expect(await again.count()).toBe(2);
    expect(await again.told()).toMatchObject([{ event: "recovered", value: { reason: "evicted" } }]);
  });

  inBrowser(
    "[R5] a quota that is used up is a clear error, reads go on, and when there is room again, it works",
    async () => {
      const place = await Place.begin();
      const [context, address] = await Promise.all([profileIn(folderOf()), app()]);
      const { origin } = new URL(address);
      const session = await context.newCDPSession(await context.newPage());
      await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: QUOTA[store] });
      const tab = await AppTab.open(context, address, { url: place.url, name: "main", store });
      await tab.insert("settled", "zero");
      await tab.subscribe();
      // The browser compresses what it stores.
      const text = randomBytes(400_000).toString("base64");
      let stored = 0;
      let failure: unknown = null;
      for (; failure === null; stored++) failure = await tab.insert("local", `large-${stored}`, { text });
      expect(failure).toMatch(/^StoreError: the browser gives main no more room \(\d+ MB of \d+ MB used\)/);
      expect(await tab.count()).toBe(stored);
      await session.send("Storage.overrideQuotaForOrigin", { origin });
      expect(await tab.insert("settled", "more", { text })).toMatchObject({ status: "applied" });
      expect(await tab.count()).toBe(stored + 1);
    },
  );

  inBrowser("[R4] [C4] a server that is killed and started again under two tabs is followed by both", async () => {
    const { tab, place, opening, address } = await oneTab(store);
    const other = await AppTab.open(tab.page.context(), address, opening);
    await other.subscribe();
    await tab.insert("settled", "one");
    await place.server.stop("SIGKILL");
    expect(await other.insert("local", "two")).toBe(null);
    await place.start();
    for (const each of [tab, other]) await each.sync();
    expect(await other.query()).toEqual([{ id: "one" }, { id: "two" }, { id: "zero" }]);
    expect(await tab.query()).toEqual(await other.query());
    expect((await other.status()).state).toBe("upToDate");
  });

  inBrowser("[R2] a server that is restored from a backup under an open tab is noticed, and healed", async () => {
    const { tab, place } = await oneTab(store);
    await tab.insert("settled", "kept");
    await place.backup();
    await tab.insert("settled", "lost");
    await place.restored();
    await tab.sync();
    expect(await tab.query()).toEqual([{ id: "kept" }, { id: "lost" }, { id: "zero" }]);
    expect(await tab.told()).toMatchObject([{ event: "recovered", value: { reason: "diverged" } }]);
  });

  inBrowser(
    "[P10] what a permission that ends under an open tab had shown is gone from the page and its store",
    async () => {
      const place = await Place.begin({ TIDEMARK_JWT_SECRET: SECRET });
      const [context, address] = await Promise.all([profile(), app()]);
      const token = await tokenFor("ann", { main: { read: ["box/1"], write: ["*"] } });
      const opening = { url: place.url, name: "main", token, store };
      const tab = await AppTab.open(context, address, opening);
      await tab.insert("settled", "one", { box: 1 });
      await tab.call("subscribe", "c", "box/1");
      expect(await tab.count()).toBe(1);
      await tab.call("setToken", "c", await tokenFor("ann", { main: { read: ["box/2"], write: ["*"] } }));
      await tab.sync().catch(() => {});
      expect(await tab.told()).toEqual([{ event: "revoked", value: { key: "box/1" } }]);
      expect(await tab.count()).toBe(0);
      await tab.call("close", "c");
      const again = await AppTab.open(context, address, opening);
      expect(await again.count()).toBe(0);
    },
  );

  inBrowser("[C11] [C4] the browser is asked once to keep the store, and not before it holds records", async () => {
    const place = await Place.begin();
    const [context, address] = await Promise.all([profile(), app()]);
    await context.addInitScript(() => {
      const asked = { times: 0 };
      Object.assign(globalThis, { asked });
      const { storage } = navigator as unknown as { storage: { persist(): Promise<boolean> } };
      storage.persist = async () => {
        asked.times++;
        return true;
      };
    });
    const tab = await AppTab.open(context, address, { url: place.url, name: "main", store });
    const asked = (each: AppTab) =>
      each.page.evaluate(() => (globalThis as unknown as { asked: { times: number } }).asked.times);
    await tab.insert("settled", "one");
    expect(await asked(tab)).toBe(0);
    await tab.subscribe();
    await tab.insert("settled", "two");
    expect(await asked(tab)).toBe(1);
    await tab.page.reload();
    await tab.call("open", "c", { url: place.url, name: "main", store });
    await tab.insert("settled", "three");
    expect(await asked(tab)).toBe(0);
  });
});

/** Where nothing else is said, in a profile that the browser keeps in memory. */
async function oneTab(store: StoreName, inProfile = profile) {
  const place = await Place.begin();
  const [context, address] = await Promise.all([inProfile(), app()]);
  const opening = { url: place.url, name: "main", store };
  const tab = await AppTab.open(context, address, opening);
  await tab.insert("settled", "zero");
  await tab.subscribe();
  return { place, address, opening, tab };
}

/** Everything that was durable is there, once, and so is all that was counted with it. */
async function holdsAll(tab: AppTab, durable: readonly string[]): Promise<void> {
  await tab.subscribe();
  const records = (await tab.query()) as { id: string; n?: number }[];
  const ids = new Set(records.map(({ id }) => id));
  expect(durable.filter((id) => !ids.has(id))).toEqual([]);
  const many = [...ids].filter((id) => id.startsWith("many-"));
  expect(records.find(({ id }) => id === "count")?.n).toBe(many.length);
  expect(await tab.call("verify", "c")).toBe(true);
}
