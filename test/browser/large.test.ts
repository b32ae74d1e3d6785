import { expect } from "vitest";
import { folderOf } from "../support/folder.ts";
import { inBrowser, profileIn } from "./chromium.ts";
import { AppTab, app, Place } from "./place.ts";

const RECORDS = Number(process.env["TIDEMARK_RECORDS"] ?? 100_000);
/** Records of a mutation, and mutations of a push. */
const TOGETHER = 1_000;
const PUSHED = 20;

/** As large as a city of the example. */
const record = (i: number) => ({
  id: `r${i}`,
  name: `Name of record ${i}`,
  country: "DE",
  lat: i / 1000,
  lng: i / 999,
});

inBrowser(
  "[C1] [C15] [P5] [P17] a large copy goes into IndexedDB in blocks, with its progress, is read, changed and verified",
  async () => {
    const place = await Place.begin();
    const mutation = (number: number) => ({
      id: number + 1,
      base: 0,
      writes: Array.from({ length: TOGETHER }, (_, i) => ({
        op: "insert",
        collection: "items",
        record: record(number * TOGETHER + i),
      })),
    });
    for (let from = 0; from < RECORDS / TOGETHER; from += PUSHED) {
      const count = Math.min(PUSHED, RECORDS / TOGETHER - from);
      const mutations = Array.from({ length: count }, (_, i) => mutation(from + i));
      const body = JSON.stringify({ client: "loader", mutations });
      const response = await fetch(`${place.url}/v1/spaces/main/push`, {
        method: "POST",
        body,
        headers: { "content-type": "application/json" },
      });
      expect(response.status).toBe(200);
    }
    const [context, address] = [await profileIn(folderOf()), await app()];
    const opening = { url: place.url, name: "main" };
    const tab = await AppTab.open(context, address, opening);
    await tab.call("longTasks");
    await tab.call("showProgress", "c", "*");
    const began = performance.now();
    await tab.subscribe();
    const copied = performance.now();
    const metrics = await (await fetch(`${place.url}/metrics`)).text();
    expect(metrics).toMatch(
      /tidemark_requests_total\{route="GET \/v1\/spaces\/:space\/pages\/:page",status="200"\} [1-9]/,
    );
    expect(metrics).not.toMatch(/pages\/:page",status="[^2]/);
    const longest = (await tab.call("longTasks")).slice(0, 5);
    const { positions, frames, gone } = await tab.call("shownProgress");
    expect(positions).toEqual([...positions].sort((a, b) => a - b));
    expect([...new Set(positions)].length).toBeGreaterThan(RECORDS / 20_000);
    expect(positions[0]).toBeLessThan(0.5);
    expect(positions.at(-1)).toBe(1);
    // The page was free to draw what it was told meanwhile.
    expect(frames).toBeGreaterThan(1);
    expect(gone).toBe(true);
    expect(await tab.count()).toBe(RECORDS);
    const read = performance.now();
    await tab.call("longTasks");
    expect(await tab.call("mutate", "c", "settled", ["update", "items", { id: "r7", name: "new" }])).toMatchObject({
      status: "applied",
    });
    expect(await tab.call("verify", "c")).toBe(true);
    const verified = performance.now();
    const texts = await tab.call("longTasks");
    await tab.page.reload();
    await tab.call("open", "c", opening);
    const opened = performance.now();
    expect(await tab.call("get", "c", "items", "r7")).toMatchObject({ name: "new" });
    if (process.env["TIDEMARK_FIGURES"] !== undefined) {
      const ms = (from: number, to: number) => `${Math.round(to - from)} ms`;
      console.log(
        `${RECORDS} records: ${positions.length} steps of progress, ${frames} drawn; copied in ${ms(began, copied)}, longest tasks ${longest} ms; all read in ${ms(copied, read)}`,
      );
      console.log(
        `verified in ${ms(read, verified)}, longest tasks ${texts.slice(0, 5)} ms; first record after a reload ${ms(opened, performance.now())}`,
      );
    }
  },
);
