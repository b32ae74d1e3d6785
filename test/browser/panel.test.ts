// The panel for development, over the task board.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { inBrowser } from "./chromium.ts";
import { board, onServer, Teammate } from "./team.ts";

const TITLE = "New home page";
const SHOTS = fileURLToPath(new URL(".shots/", import.meta.url));

async function withPanel(address: string, person: string) {
  const mate = await Teammate.at(`${address}/?panel`, person);
  const panel = mate.page.getByRole("complementary", { name: "Tidemark" });
  const handle = panel.getByRole("button", { name: /^Tidemark:/ });
  const section = (name: string | RegExp) => panel.getByRole("region", { name });
  const offline = panel.getByRole("switch", { name: "Offline" });
  return { mate, panel, handle, section, offline };
}

inBrowser("[C16] it shows what waits, what is followed, and what became of it, and switches the network", async () => {
  const address = await board();
  const { mate: ann, handle, section, offline, panel } = await withPanel(address, "ann");
  const ben = await Teammate.at(address, "ben");
  await handle.filter({ hasText: "Up to date" }).click();
  const followed = section("Subscriptions (2)").getByRole("listitem");
  await followed.filter({ hasText: "project/*" }).filter({ hasText: "no lag" }).waitFor();
  expect(await followed.first().innerText()).toMatch(/^5 records\s*people\s+tidemark \d+ · no lag$/);
  await offline.check();
  await handle.filter({ hasText: "Offline" }).waitFor();
  await ann.rename(TITLE, "Ann's title");
  await section("Pending mutations (1)").getByText("update tasks/website-7 title").waitFor();
  await ben.rename(TITLE, "Ben's title");
  await onServer(address, "website-7", "Ben's title");
  await offline.uncheck();
  await section("Last outcomes").getByText("the server's value stands: tasks/website-7 title (newer)").waitFor();
  await section("Pending mutations (0)").getByText("Nothing waits.").waitFor();
  await panel.getByRole("button", { name: "Verify" }).click();
  await panel
    .getByRole("status")
    .filter({ hasText: /^Verified: \d+ records in 2 subscriptions/ })
    .waitFor();
});

inBrowser("[C16] it is opened and closed by keyboard alone, and the focus goes along", async () => {
  const { mate, handle, panel } = await withPanel(await board(), "ann");
  expect(await handle.getAttribute("aria-expanded")).toBe("false");
  await handle.focus();
  await mate.page.keyboard.press("Enter");
  await panel.getByRole("heading", { name: "Tidemark" }).and(mate.page.locator(":focus")).waitFor();
  await mate.page.keyboard.press("Tab");
  await panel.getByRole("button", { name: "Close" }).and(mate.page.locator(":focus")).waitFor();
  await mate.page.keyboard.press("Escape");
  await handle.and(mate.page.locator(":focus")).waitFor();
  expect(await handle.getAttribute("aria-expanded")).toBe("false");
});

inBrowser("[C16] a page that does not ask for it loads nothing of it", async () => {
  const ann = await Teammate.at(await board(), "ann");
  const loaded = await ann.page.evaluate(async () => {
    const names = performance.getEntriesByType("resource").map(({ name }) => name);
    const scripts = names.filter((name) => name.endsWith(".js"));
    return await Promise.all(scripts.map(async (name) => await (await fetch(name)).text()));
  });
  expect(loaded.some((text) => text.includes("TidemarkProvider"))).toBe(true);
  expect(loaded.filter((text) => text.includes("tidemark-panel")).length).toBe(0);
  expect(await ann.page.locator(".tidemark-panel").count()).toBe(0);
});

inBrowser("[C16] it fits a phone and a desk, by day and by night", async () => {
  mkdirSync(SHOTS, { recursive: true });
  const { mate, handle, section, offline } = await withPanel(await board(), "ann");
  await mate.rename(TITLE, "A better home page");
  await handle.click();
  await section("Last outcomes").getByText("applied").first().waitFor();
  for (const [name, width, height] of [
    ["phone", 390, 844],
    ["desk", 1280, 800],
  ] as const) {
    await mate.page.setViewportSize({ width, height });
    await offline.setChecked(name === "desk");
    if (name === "desk") await mate.rename("A better home page", "The best home page");
    for (const colorScheme of ["light", "dark"] as const) {
      await mate.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await mate.page.screenshot({ path: `${SHOTS}panel-${name}-${colorScheme}.png` });
    }
    const overflow = await mate.page.evaluate("document.documentElement.scrollWidth - innerWidth");
    expect(overflow).toBe(0);
    const box = await mate.page.locator(".tidemark-panel .tm-drawer").boundingBox();
    expect(box !== null && box.x >= 0 && box.y >= 0 && box.x + box.width <= width).toBe(true);
  }
});
