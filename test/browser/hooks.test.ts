import { expect } from "vitest";
import type { HooksApi } from "./api.ts";
import { inBrowser, profile } from "./chromium.ts";
import { Place } from "./place.ts";
import { remote, site } from "./site.ts";

/** A page with two lists over the same query, and a server; its pulls are held back until `answer`. */
async function opened() {
  const place = await Place.begin();
  const page = await (await profile()).newPage();
  const gate = Promise.withResolvers<void>();
  await page.route("**/pull", async (route) => {
    await gate.promise;
    await route.continue();
  });
  await page.goto(await site("hooks"));
  const call = remote<HooksApi>(page);
  await call("open", place.url, "*");
  const list = (id: string) => page.locator(`#${id}`);
  return { page, call, list, answer: () => gate.resolve() };
}

inBrowser("[C12] an empty list is not ready before the subscription is filled", async () => {
  const { page, call, list, answer } = await opened();
  await page.locator("#status", { hasText: "connecting 0" }).waitFor();
  expect(await list("a").getAttribute("data-ready")).toBe("false");
  await call("write", "1", { kind: "x", title: "mine" });
  await list("a").getByText("mine").waitFor();
  expect(await list("a").getAttribute("data-ready")).toBe("false");
  answer();
  await page.locator("#a[data-ready=true]").waitFor({ state: "attached" });
  await page.locator("#status", { hasText: "upToDate 0" }).waitFor();
});

inBrowser(
  "[C12] under StrictMode two components never show different moments, and latecomers show the same",
  async () => {
    const { page, call, list, answer } = await opened();
    answer();
    await page.locator("#a[data-ready=true]").waitFor({ state: "attached" });
    for (let i = 0; i < 30; i++) await call("write", String(i), { kind: "x", title: `t${i}` });
    for (let i = 0; i < 30; i += 2) await call("change", String(i), { title: `changed ${i}` });
    await list("a").getByText("changed 28").waitFor();
    await call("more", 3);
    await page.locator("#more-2[data-ready=true]").waitFor({ state: "attached" });
    expect(await list("more-2").innerText()).toBe(await list("a").innerText());
    expect(await list("b").innerText()).toBe(await list("a").innerText());
    expect((await call("seen")).torn).toBe(0);
  },
);

inBrowser("[C12] what says the same is the same: a copy made anew renders no list and no row again", async () => {
  const { page, call, list, answer } = await opened();
  answer();
  for (const id of ["1", "2", "3"]) await call("write", id, { kind: "x", title: id });
  await page.locator("#status", { hasText: "upToDate 0" }).waitFor();
  await list("a").getByText("3").waitFor();
  const before = await call("seen");
  await call("recover");
  await call("change", "1", { title: "one" });
  await list("a").getByText("one").waitFor();
  const after = await call("seen");
  expect(after.lists).toBe(before.lists + 1);
  // The row that changed: in two lists, each rendered twice by StrictMode.
  expect(after.row - before.row).toBe(4);
});

inBrowser("[C12] a record, the status and what is written go through hooks, too", async () => {
  const { page, call, answer } = await opened();
  answer();
  await page.locator("#record", { hasText: "none" }).waitFor();
  await call("write", "1", { kind: "x", title: "first" });
  await page.locator("#record", { hasText: "first" }).waitFor();
  await page.locator("#write").click();
  await page.locator("#record", { hasText: "clicked" }).waitFor();
  await page.locator("#status", { hasText: "upToDate 0" }).waitFor();
});
