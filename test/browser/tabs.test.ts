import { describe, expect } from "vitest";
import type { StoreName } from "./api.ts";
import { inBrowser, profile } from "./chromium.ts";
import { AppTab, app, Place } from "./place.ts";

/** Two tabs of one user; the first leads. */
async function twoTabs(store: StoreName) {
  const place = await Place.begin();
  const [context, address] = await Promise.all([profile(), app()]);
  const opening = { url: place.url, name: "main", store };
  const first = await AppTab.open(context, address, opening);
  await first.insert("settled", "zero");
  await first.subscribe();
  const second = await AppTab.open(context, address, opening);
  await second.subscribe();
  for (const tab of [first, second]) await tab.call("observe", "c", "items");
  return { place, context, address, opening, first, second };
}

const has = (id: string) => (records: readonly { readonly id: string }[]) => records.some((each) => each.id === id);

describe.each<StoreName>(["indexeddb", "opfs"])("with the store on %s", (store) => {
  inBrowser("[C4] two tabs share one store and one connection, and each sees what the other writes", async () => {
    const { first, second } = await twoTabs(store);
    await second.insert("local", "one");
    await Promise.all([first.sees(has("one")), second.sees(has("one"))]);
    expect(await first.insert("settled", "two")).toMatchObject({ id: 3, status: "applied" });
    await second.sees(has("two"));
    expect(await second.query()).toEqual(await first.query());
    expect(await second.status()).toEqual(await first.status());
  });

  inBrowser("[C4] where the tab that leads is closed, the other one goes on", async () => {
    const { first, second } = await twoTabs(store);
    await first.page.close();
    expect(await second.insert("settled", "one")).toMatchObject({ status: "applied" });
    await second.sees(has("one"));
  });

  inBrowser("[C4] [W6] what a tab asked of a leader that is killed happens once, and is answered", async () => {
    const { first, second } = await twoTabs(store);
    await second.insert("settled", "count", { n: 0 });
    await second.call("writeMany", "c", "many", 200);
    await Promise.all([first.crash(), second.sync()]);
    await second.sync();
    const records = (await second.query()) as { id: string; n?: number }[];
    expect(records.filter(({ id }) => id.startsWith("many-")).length).toBe(200);
    expect(records.find(({ id }) => id === "count")?.n).toBe(200);
    expect((await second.call("durable", "c")).length).toBe(200);
    expect(await second.call("verify", "c")).toBe(true);
  });

  inBrowser("[C4] a leader that is frozen hands over, and follows when it is woken", async () => {
    const { first, second } = await twoTabs(store);
    await first.life("freeze");
    expect(await second.insert("settled", "one")).toMatchObject({ status: "applied" });
    await first.life("resume");
    await first.sees(has("one"));
    expect(await first.insert("settled", "two")).toMatchObject({ status: "applied" });
    await second.sees(has("two"));
  });

  inBrowser("[C4] two clients in one page share it as tabs do", async () => {
    const { first, opening } = await twoTabs(store);
    await first.call("open", "d", opening);
    expect(await first.call("mutate", "d", "settled", ["insert", "items", { id: "one" }])).toMatchObject({
      status: "applied",
    });
    await first.sees(has("one"));
    await first.call("close", "c");
    expect(await first.call("count", "d", "items")).toBe(2);
  });
});

inBrowser("[C11] [R3] without sharing, whoever opens the store last has it, and the other is told", async () => {
  const { first, second, context, address, opening } = await twoTabs("indexeddb");
  await second.call("close", "c");
  const alone = await AppTab.open(context, address, { ...opening, tabs: false });
  expect(await alone.insert("settled", "one")).toMatchObject({ status: "applied" });
  expect(await first.insert("local", "two")).toContain("another tab or client has opened main");
  expect(await alone.count()).toBe(2);
});

inBrowser("[C14] without sharing, too, a page that is frozen lets go of a store on OPFS, for good", async () => {
  const place = await Place.begin();
  const [context, address] = await Promise.all([profile(), app()]);
  const opening = { url: place.url, name: "main", store: "opfs", tabs: false } as const;
  const first = await AppTab.open(context, address, opening);
  await first.insert("settled", "one");
  await first.life("freeze");
  const second = await AppTab.open(context, address, opening);
  expect(await second.insert("settled", "two")).toMatchObject({ status: "applied" });
  await first.life("resume");
  expect(await first.insert("local", "three")).toContain("put aside");
});

inBrowser(
  "[C14] [R3] without sharing, whoever opens a store on OPFS that is open is refused, and it stays whole",
  async () => {
    const { first, second, context, address, opening } = await twoTabs("opfs");
    await second.call("close", "c");
    const alone = await AppTab.open(context, address, { ...opening, tabs: false });
    expect(await alone.insert("local", "one")).toContain("another tab or client has main open");
    expect((await alone.status()).state).toBe("failed");
    expect(await first.insert("settled", "two")).toMatchObject({ status: "applied" });
    await first.page.reload();
    await first.call("open", "c", opening);
    expect(await first.count()).toBe(2);
    expect(await first.told()).toEqual([]);
  },
);
