// The task board as people use it, in real browsers against a real server.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { inBrowser, profile } from "./chromium.ts";
import { board, onServer, Teammate } from "./team.ts";

const TITLE = "New home page";

inBrowser("[W1 C5] two people edit different fields of one task offline: both survive, on both screens", async () => {
  const address = await board();
  const [ann, ben] = await Promise.all([Teammate.at(address, "ann"), Teammate.at(address, "ben")]);
  await ann.network("off");
  await ben.network("off");
  await ann.rename(TITLE, "A better home page");
  const dialog = await ben.open(TITLE);
  await dialog.getByLabel("Priority").selectOption("Low");
  await dialog.getByLabel("Description").fill("Shorter.");
  await ben.close();
  await ann.says("1 change waiting");
  await ben.says("2 changes waiting");
  await ann.network("on");
  await ben.network("on");
  for (const person of [ann, ben]) {
    const card = person.card("A better home page");
    await card.getByText("Low").waitFor();
    expect(await (await person.open("A better home page")).getByLabel("Description").inputValue()).toBe("Shorter.");
  }
});

inBrowser("[W1 C2] of two edits of one field the server's stands, and whoever lost is told what it is", async () => {
  const address = await board();
  const [ann, ben] = await Promise.all([Teammate.at(address, "ann"), Teammate.at(address, "ben")]);
  await ann.network("off");
  await ann.rename(TITLE, "Ann's title");
  await ben.rename(TITLE, "Ben's title");
  await onServer(address, "website-7", "Ben's title");
  await ann.network("on");
  await ann.card("Ben's title").waitFor();
  const note = ann.page.getByRole("complementary", { name: "What became of your edits" });
  await note.getByText("Theirs stands").waitFor();
  expect(await note.getByRole("listitem").innerText()).toBe("Title Ben's title yours was Ann's title");
  await note.getByRole("button", { name: "Dismiss" }).click();
  expect(await note.innerText()).toBe("");
  expect(await ben.page.locator(".note").count()).toBe(0);
});

inBrowser("[W10 C5] an edit made offline survives a reload, and arrives when there is a network again", async () => {
  const address = await board();
  const [ann, ben] = await Promise.all([Teammate.at(address, "ann"), Teammate.at(address, "ben")]);
  await ann.network("off");
  await ann.rename(TITLE, "Kept over a reload");
  await ann.says("1 change waiting");
  await ann.page.reload();
  await ann.card("Kept over a reload").waitFor();
  await ann.says("Offline by the switch");
  await ann.says("1 change waiting");
  await ann.network("on");
  await ben.card("Kept over a reload").waitFor();
});

inBrowser("[C2] the status line tells the truth: connected, switched off, what waits, and since when", async () => {
  const ann = await Teammate.at(await board(), "ann");
  await ann.says(/^Up to date$/);
  await ann.network("off");
  expect(await ann.status.innerText()).toBe("Offline by the switch");
  expect(await ann.page.getByRole("banner").locator("time").count()).toBe(1);
  const dialog = await ann.open(TITLE);
  await dialog.getByText("can be read when it is reached again").waitFor();
  await dialog.getByLabel("Write a comment").fill("From the train.");
  await dialog.getByRole("button", { name: "Comment" }).click();
  await dialog.getByRole("listitem").filter({ hasText: "From the train." }).waitFor();
  await ann.close();
  await ann.says("1 change waiting");
  await ann.network("on");
  expect(await ann.status.innerText()).toBe("Up to date");
});

inBrowser("[C5] a task moves with the arrow keys, keeps the focus, and is said where it is", async () => {
  const ann = await Teammate.at(await board(), "ann");
  const grip = (column: string) => ann.page.getByRole("button", { name: `Move ${TITLE}, in ${column}` });
  await grip("In progress").focus();
  await ann.page.keyboard.press("ArrowRight");
  await ann.column("Review").getByRole("button", { name: TITLE, exact: true }).waitFor();
  await grip("Review").and(ann.page.locator(":focus")).waitFor();
  const said = ann.page.locator("[aria-live=assertive]");
  expect(await said.innerText()).toBe(`${TITLE}: Review, 1 of 3`);
  await ann.page.keyboard.press("ArrowDown");
  await said.filter({ hasText: `${TITLE}: Review, 2 of 3` }).waitFor();
  await ann.page.reload();
  await ann.column("Review").getByRole("button", { name: TITLE, exact: true }).waitFor();
});

inBrowser("[C5] a task is dragged with the pointer into another column, to where it is dropped", async () => {
  const address = await board();
  const [ann, ben] = await Promise.all([Teammate.at(address, "ann"), Teammate.at(address, "ben")]);
  const from = await ann.card(TITLE).boundingBox();
  const to = await ann.card("Press kit: logos and colours").boundingBox();
  if (from === null || to === null) throw new Error("a card is not seen");
  const { mouse } = ann.page;
  await mouse.move(from.x + 60, from.y + 20);
  await mouse.down();
  await mouse.move(to.x + 60, to.y + 4, { steps: 8 });
  await mouse.up();
  for (const person of [ann, ben]) {
    await person.column("Review").getByRole("button", { name: TITLE, exact: true }).waitFor();
    const titles = await person.column("Review").locator(".open").allInnerTexts();
    expect(titles).toEqual(["Footer with the legal links", TITLE, "Press kit: logos and colours"]);
  }
  expect(await ann.page.getByRole("dialog").count()).toBe(0);
});

inBrowser(
  "[K3 A2] a task's history says who changed what, to administrators only, and plainly refuses others",
  async () => {
    const address = await board();
    const ann = await Teammate.at(address, "ann");
    const history = (await ann.open("Contact form sends twice")).getByRole("region", { name: "History" });
    const first = history.locator("ol > li").first();
    await first.filter({ hasText: "The contact form sends everything twice" }).waitFor();
    expect((await first.innerText()).replace(/\s+/g, " ")).toMatch(/^Ann .* Contact form sends twice$/);
    await history.getByText("created the task").waitFor();
    const guest = await Teammate.at(address, "guest");
    expect(await guest.page.getByRole("navigation").getByRole("button").allInnerTexts()).toEqual(["Website relaunch"]);
    await (await guest.open("Contact form sends twice")).getByText("may not read the history").waitFor();
  },
);

inBrowser("[C5] a task is added and deleted, with its comments, on every screen", async () => {
  const address = await board();
  const [ann, ben] = await Promise.all([Teammate.at(address, "ann"), Teammate.at(address, "ben")]);
  await ann.column("To do").getByRole("button", { name: "Add a task" }).click();
  await ann.page.keyboard.type("Water the cactus");
  await ann.page.keyboard.press("Enter");
  const dialog = await ben.open("Water the cactus");
  await dialog.getByLabel("Write a comment").fill("Not too much.");
  await dialog.getByRole("button", { name: "Comment" }).click();
  await ann.card("Water the cactus").getByText("1 comment").waitFor({ state: "attached" });
  await (await ann.open("Water the cactus")).getByRole("button", { name: "Delete the task" }).click();
  await ben.card("Water the cactus").waitFor({ state: "detached" });
});

/** Kept for people to look at; they are no part of the repository. */
const SHOTS = fileURLToPath(new URL(".shots/", import.meta.url));

inBrowser("[C15] a first load that takes longer than a moment is seen to go on, and then no more", async () => {
  mkdirSync(SHOTS, { recursive: true });
  const address = await board();
  await manyComments(address, 6_000);
  const context = await profile();
  await context.addInitScript(() => localStorage.setItem("tidemark-tasks-person", "ann"));
  const page = await context.newPage();
  await page.goto(`${address}/robots.txt`);
  const session = await context.newCDPSession(page);
  const slow = { offline: false, latency: 20, downloadThroughput: 400_000, uploadThroughput: 400_000 };
  await session.send("Network.emulateNetworkConditions", slow);
  await page.goto(address, { waitUntil: "commit" });
  const bar = page.getByRole("progressbar", { name: "First load" });
  await bar.waitFor();
  await page.screenshot({ path: `${SHOTS}first-load.png` });
  expect(await bar.locator("..").innerText()).toMatch(/^[\d,]+ records so far$/);
  await bar.waitFor({ state: "detached" });
  await page.locator("[data-task]").first().waitFor();
});

async function manyComments(address: string, count: number): Promise<void> {
  const comment = (i: number) => {
    const record = { id: `many-${i}`, taskId: "website-7", author: "ann", at: i, text: `${i} `.padEnd(300, "x") };
    return { op: "insert", collection: "comments", record };
  };
  const mutations = Array.from({ length: count / 1_000 }, (_, m) => ({
    id: m + 1,
    base: 0,
    writes: Array.from({ length: 1_000 }, (_, i) => comment(m * 1_000 + i)),
  }));
  const headers = { authorization: "Bearer ann", "content-type": "application/json" };
  const body = JSON.stringify({ client: "many", mutations });
  const response = await fetch(`${address}/v1/spaces/tasks/push`, { method: "POST", headers, body });
  const { outcomes } = (await response.json()) as { outcomes: { status: string }[] };
  expect(outcomes.map(({ status }) => status)).toEqual(mutations.map(() => "applied"));
}

inBrowser("[C5] the board fits a phone and a desk, by day and by night", async () => {
  mkdirSync(SHOTS, { recursive: true });
  const ann = await Teammate.at(await board(), "ann");
  for (const [name, width, height] of [
    ["phone", 390, 844],
    ["desk", 1280, 800],
  ] as const) {
    await ann.page.setViewportSize({ width, height });
    for (const colorScheme of ["light", "dark"] as const) {
      await ann.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await ann.page.screenshot({ path: `${SHOTS}${name}-${colorScheme}.png` });
      await ann.open("Contact form sends twice");
      await ann.page.getByText("created the task").waitFor();
      await ann.page.screenshot({ path: `${SHOTS}${name}-${colorScheme}-task.png` });
      await ann.close();
    }
    const overflow = await ann.page.evaluate("document.documentElement.scrollWidth - innerWidth");
    expect(overflow).toBe(0);
  }
});
