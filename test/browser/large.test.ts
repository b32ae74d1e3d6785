import { expect } from "vitest";
import { folderOf } from "../support/folder.ts";
import { inBrowser, profileIn } from "./chromium.ts";
import { AppTab, app, Place } from "./place.ts";

const RECORDS = Number(process.env["TIDEMARK_RECORDS"] ?? 20_000);
const TOGETHER = 1_000;

/** As large as a city of the example. */
const record = (i: number) => ({
  id: `r${i}`,
  name: `Name of record ${i}`,
  country: "DE",
  lat: i / 1000,
  lng: i / 999,
});

inBrowser("[C1] [P5] [P17] a large copy goes into IndexedDB in blocks, is read, changed and verified", async () => {
  const place = await Place.begin();
  for (let from = 0; from < RECORDS; from += TOGETHER) {
    const writes = Array.from({ length: TOGETHER }, (_, i) => ({
      op: "insert",
      collection: "items",
      record: record(from + i),
    }));
    const mutation = { id: from / TOGETHER + 1, base: 0, writes };
    const body = JSON.stringify({ client: "loader", mutations: [mutation] });
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
  const began = performance.now();
  await tab.subscribe();
  const copied = performance.now();
  const metrics = await (await fetch(`${place.url}/metrics`)).text();
  expect(metrics).toMatch(
    /tidemark_requests_total\{route="GET \/v1\/spaces\/:space\/pages\/:page",status="200"\} [1-9]/,
  );
  expect(metrics).not.toMatch(/pages\/:page",status="[^2]/);
  const longest = (await tab.call("longTasks")).slice(0, 5);
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
      `${RECORDS} records: copied in ${ms(began, copied)}, longest tasks ${longest} ms; all read in ${ms(copied, read)}`,
    );
    console.log(
      `verified in ${ms(read, verified)}, longest tasks ${texts.slice(0, 5)} ms; first record after a reload ${ms(opened, performance.now())}`,
    );
  }
});
