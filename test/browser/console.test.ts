// The console in a real browser, against a real server.
import { createClient } from "tidemark/client";
import { memoryStore } from "tidemark/client/memory";
import { expect, onTestFinished } from "vitest";
import { folderOf } from "../support/folder.ts";
import { tokenFor } from "../support/server.ts";
import { inBrowser, profile } from "./chromium.ts";
import { PASSWORD, Watched, Watcher } from "./console.ts";

/** Each view, and something that it shows of the server's data. */
const VIEWS: readonly (readonly [place: string, title: string, shows: string])[] = [
  ["acme/now", "Now", "notes/n1 title Milk → Oat milk"],
  ["acme/journal", "Journal", "notes/n1 title Milk → Oat milk"],
  ["acme/records", "Records", "title: Bread"],
  ["acme/record/notes/n1", "n1", "Oat milk"],
  ["acme/scopes", "Scopes", "project/2"],
  ["acme/replicas", "Replicas", "phone"],
  ["acme/lost", "Conflicts", "notes/n1: title"],
  ["acme/links", "Links", "office"],
  ["acme/warehouses", "Warehouses", "reports"],
  ["main/sources", "Sources", "list.things"],
  ["main/quarantine", "Quarantine", "name is missing"],
  ["main/duplicates?collection=people", "Duplicates", "Grace"],
  ["system/users", "Users", "Administrator"],
  ["acme/store", "Store", "notes"],
];

inBrowser(
  "[Y9] each view shows what the server has, and a check of accessibility finds nothing, light and dark",
  async () => {
    const { url, token } = await Watched.start();
    const ann = await Watcher.at(url, token);
    for (const [place, title, shows] of VIEWS) {
      await ann.open(place);
      await ann.page.getByRole("heading", { level: 1, name: title, exact: true }).waitFor();
      const main = ann.page.getByRole("main");
      if (title === "Duplicates") await main.getByText("100 %").or(main.getByText(/\d+ %/)).first().waitFor();
      else await main.getByText(shows).first().waitFor();
      for (const colorScheme of ["light", "dark"] as const) {
        await ann.page.emulateMedia({ colorScheme });
        expect([place, colorScheme, await ann.flaws()]).toEqual([place, colorScheme, []]);
      }
    }
  },
);

inBrowser("[Y9] on a phone no view is wider than the screen, and the menu leads everywhere", async () => {
  const { url, token } = await Watched.start();
  const ann = await Watcher.at(url, token);
  await ann.page.setViewportSize({ width: 390, height: 844 });
  for (const [place, title] of VIEWS) {
    await ann.open(place);
    await ann.page.getByRole("heading", { level: 1, name: title, exact: true }).waitFor();
    const wide = await ann.page.evaluate("document.documentElement.scrollWidth - innerWidth");
    expect([place, wide]).toEqual([place, 0]);
  }
  await ann.page.getByRole("button", { name: "Menu" }).click();
  await ann.expectNoFlaws();
  await ann.page.getByRole("link", { name: "Scopes" }).click();
  await ann.page.getByRole("heading", { level: 1, name: "Scopes" }).waitFor();
  expect(await ann.page.getByRole("navigation").isVisible()).toBe(false);
});

inBrowser("[Y10] a name and a password let in, and what they bring stays in the tab", async () => {
  const { url } = await Watched.start();
  const ann = await Watcher.at(url, null);
  await ann.page.getByLabel("User name").fill("ann");
  await ann.page.getByLabel("Password", { exact: true }).fill("wrong");
  await ann.page.getByRole("button", { name: "Log in" }).click();
  await ann.page.getByRole("alert").waitFor();
  await ann.expectNoFlaws();
  await ann.page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await ann.page.getByRole("button", { name: "Log in" }).click();
  await ann.page.getByRole("heading", { level: 1, name: "Now" }).waitFor();
  const kept = () => ann.page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]");
  expect(await kept()).toEqual([0, 1, ""]);
  await ann.page.reload();
  await ann.page.getByRole("heading", { level: 1, name: "Now" }).waitFor();
  await ann.page.getByRole("button", { name: "Log out" }).click();
  await ann.page.getByLabel("User name").waitFor();
  expect(await kept()).toEqual([0, 0, ""]);
});

inBrowser("[Y10] a token that administers nothing is told so, and one that is no token too", async () => {
  const { url } = await Watched.start();
  const reader = await Watcher.at(url, await tokenFor("ben", { acme: { read: ["*"], write: ["*"] } }));
  await reader.page.getByText("administers no space of this server").waitFor();
  await reader.page.getByRole("button", { name: "Log in as somebody else" }).click();
  await reader.page.getByLabel("Token").check();
  await reader.page.getByRole("textbox", { name: "Token" }).fill("nonsense");
  await reader.page.getByRole("button", { name: "Log in" }).click();
  await reader.page.getByText("does not take this login").waitFor();
  const own = await Watcher.at(url, await tokenFor("eve", { acme: { admin: true } }));
  await own.page.getByRole("heading", { level: 1, name: "Now" }).waitFor();
  expect(await own.page.getByLabel("Space").locator("option").allInnerTexts()).toEqual(["acme"]);
  await own.open("main/store");
  await own.page.getByText("may not administer this space").waitFor();
});

inBrowser(
  "[Y11] a server that stops is said to be away, what was shown stays, and the console goes on when it is back",
  async () => {
    const data = folderOf();
    const first = await Watched.start({ data });
    const ann = await Watcher.at(first.url, first.token);
    await ann.open("acme/journal");
    await ann.grid("Journal").getByText("notes/n1 title Milk → Oat milk").waitFor();
    await first.stop();
    await ann.page.getByText("The server does not answer").waitFor();
    await ann.expectNoFlaws();
    expect(await ann.grid("Journal").getByRole("row").count()).toBeGreaterThan(3);
    const second = await Watched.start({ data, port: Number(new URL(first.url).port) });
    await ann.page.getByText("The server does not answer").waitFor({ state: "detached" });
    await second.push("acme", "c9", 0, [{ op: "insert", collection: "notes", record: { id: "n9", title: "Salt" } }]);
    await ann.grid("Journal").getByText("notes/n9 inserted").waitFor();
  },
);

inBrowser("[Y12] of 10,000 rows only those that can be seen are in the page", async () => {
  const watched = await Watched.start();
  const record = (i: number) => ({ id: `r${String(i).padStart(5, "0")}`, text: `row ${i}` });
  const batch = (from: number) =>
    Array.from({ length: 1_000 }, (_, i) => ({ op: "insert", collection: "things", record: record(from + i) }));
  for (let i = 0; i < 10; i++) await watched.push("acme", `load-${i}`, 0, batch(i * 1_000));
  const ann = await Watcher.at(watched.url, watched.token);
  await ann.open("acme/records?collection=things");
  const grid = ann.grid("Records");
  await grid.getByText("r00000").waitFor();
  await grid.focus();
  // Each End goes to the last of those that were loaded, which asks for the next ones.
  while ((await grid.getByText("r09999").count()) === 0) {
    await ann.page.keyboard.press("End");
    expect(await grid.getByRole("row").count()).toBeLessThan(80);
  }
  expect(await grid.getAttribute("aria-rowcount")).toBe("10001");
  await ann.page.getByText("10,000 shown of 10,000").waitFor();
});

inBrowser(
  "[Y12] the keyboard goes through a list, opens what is under it, and comes back to where it was",
  async () => {
    const { url, token } = await Watched.start();
    const ann = await Watcher.at(url, token);
    await ann.open("acme/journal");
    const grid = ann.grid("Journal");
    await grid.getByText("notes/n1 title Milk → Oat milk").waitFor();
    await grid.focus();
    await ann.page.keyboard.press("ArrowDown");
    await ann.page.keyboard.press("ArrowDown");
    const active = await grid.getAttribute("aria-activedescendant");
    expect(await ann.page.locator(`[id="${active}"]`).innerText()).toContain("Milk → Oat milk");
    await ann.page.keyboard.press("Enter");
    await ann.sheet.getByRole("heading", { name: "Revision 2" }).waitFor();
    await ann.sheet.getByRole("link", { name: "notes/n1" }).waitFor();
    await ann.expectNoFlaws();
    await ann.page.keyboard.press("Escape");
    await ann.sheet.waitFor({ state: "detached" });
    expect(await grid.and(ann.page.locator(":focus")).count()).toBe(1);
  },
);

inBrowser("[Y13 K3] a record is shown as it was at each revision, with who changed what", async () => {
  const { url, token } = await Watched.start();
  const ann = await Watcher.at(url, token);
  await ann.open("acme/record/notes/n1");
  const then = ann.page.getByRole("region", { name: /^The record at revision/ });
  await then.getByText("Oat milk").waitFor();
  await ann.page.getByRole("slider", { name: "Version" }).focus();
  await ann.page.keyboard.press("Home");
  await then.getByRole("row", { name: /title.* Milk/ }).waitFor();
  expect(await then.getByRole("heading").innerText()).toBe("The record at revision 1");
  expect(new URL(ann.page.url()).hash).toContain("at=1");
  await ann.page.getByRole("button", { name: "Later" }).click();
  const change = ann.page.getByRole("region", { name: "What this revision changed" });
  expect((await change.getByRole("row").allInnerTexts()).at(-1)?.split(/\s*\t\s*/)).toEqual([
    "title",
    "Milk",
    "Oat milk",
  ]);
});

inBrowser("[Y13 Y7] the journal is searched back to its beginning, and says how far it looked", async () => {
  const { url, token } = await Watched.start();
  const ann = await Watcher.at(url, token);
  await ann.open("acme/journal");
  await ann.page.getByLabel("Search the journal").fill("BREAD");
  await ann.page.keyboard.press("Enter");
  await ann.page.getByText("1 with “BREAD”, back to the first revision.").waitFor();
  await ann.page.getByLabel("Search the journal").fill("no such thing");
  await ann.page.keyboard.press("Enter");
  await ann.page.getByText("Nothing with “no such thing”, back to the first revision.").waitFor();
});

inBrowser("[Y13 Y6] a write that did not stand is shown with what was wanted and what stands", async () => {
  const { url, token } = await Watched.start();
  const ann = await Watcher.at(url, token);
  await ann.open("acme/lost");
  await ann.grid("Conflicts").getByText("notes/n1: title").click();
  await ann.sheet.getByText("Soy milk").waitFor();
  await ann.sheet.getByText("Oat milk").waitFor();
  await ann.sheet.getByText("somebody else wrote it after what the writer had seen").waitFor();
  await ann.expectNoFlaws();
});

inBrowser("[Y13] a scope is verified: its fingerprint is added up from its records, and compared", async () => {
  const { url, token } = await Watched.start();
  const ann = await Watcher.at(url, token);
  await ann.open("acme/scopes");
  await ann.grid("Scopes").getByText("project/1").click();
  await ann.sheet.getByRole("button", { name: "Verify" }).click();
  await ann.sheet.getByText("They agree").waitFor();
  await ann.expectNoFlaws();
});

inBrowser("[Y14] a user is deactivated after a second question, and reactivated", async () => {
  const watched = await Watched.start();
  const bob = { id: "bob", userName: "bob", active: true };
  await watched.push("system", "setup", 0, [{ op: "insert", collection: "users", record: bob }]);
  const ann = await Watcher.at(watched.url, watched.token);
  await ann.open("system/users");
  await ann.grid("Users").getByText("bob", { exact: true }).click();
  await ann.sheet.getByRole("button", { name: "Deactivate …" }).click();
  await ann.sheet.getByRole("button", { name: /^Deactivate bob/ }).click();
  await ann.sheet.getByText("deactivated").waitFor();
  await ann.sheet.getByRole("button", { name: "Reactivate" }).click();
  await ann.sheet.getByText("active", { exact: true }).waitFor();
  await ann.expectNoFlaws();
});

inBrowser("[Y14 I50] an item of quarantine is set right, and is in", async () => {
  const { url, token } = await Watched.start();
  const ann = await Watcher.at(url, token);
  await ann.open("main/quarantine");
  await ann.grid("Quarantine").getByText("name is missing").click();
  await ann.expectNoFlaws();
  await ann.sheet.getByLabel("Field").fill("name");
  await ann.sheet.getByLabel("Value").fill("Buoy");
  await ann.sheet.getByRole("button", { name: "Set, and replay" }).click();
  await ann.sheet.getByText("It is in.").waitFor();
  await ann.open("main/records?collection=things");
  await ann.grid("Records").getByText("name: Buoy").waitFor();
});

inBrowser("[Y14 I50] two records that may be the same are made one", async () => {
  const { url, token } = await Watched.start();
  const ann = await Watcher.at(url, token);
  await ann.open("main/duplicates?collection=people");
  await ann.grid("Duplicates").getByRole("row").nth(1).click();
  await ann.sheet.getByText("Gracie Hoper").waitFor();
  await ann.expectNoFlaws();
  await ann.sheet.getByRole("button", { name: /make them one/ }).click();
  await ann.sheet.getByText("They are one record now.").waitFor();
  await ann.page.keyboard.press("Escape");
  await ann.page.getByText("There is nothing to decide.").waitFor();
});

inBrowser("[Y11] a browser that is too old for it, and a script that does not load, are said plainly", async () => {
  const { url } = await Watched.start();
  const context = await profile();
  await context.addInitScript(() => Reflect.deleteProperty(Object, "hasOwn"));
  const page = await context.newPage();
  await page.route("**/assets/*.js", (route) => route.abort());
  await page.goto(`${url}/console/`);
  await page.getByText("This browser is too old for the console").waitFor();
  const other = await (await profile()).newPage();
  await other.route("**/assets/*.js", (route) => route.abort());
  await other.goto(`${url}/console/`);
  await other.getByText("The console could not start").waitFor();
});

inBrowser("[Y15] a replica that is connected is verified from here, and what it found is shown", async () => {
  const { url, token } = await Watched.start();
  const client = createClient({ url, space: "acme", store: memoryStore(), auth: () => token });
  onTestFinished(() => client.close());
  await client.subscribe({ scope: "project/1" }).ready;
  const ann = await Watcher.at(url, token);
  await ann.open("acme/replicas");
  await ann.grid("Replicas").getByText("live", { exact: true }).click();
  await ann.sheet.getByRole("button", { name: "Verify" }).click();
  await ann.sheet.getByText("Nothing differed").waitFor();
  await ann.sheet.getByText("1 record compared").waitFor();
  await ann.expectNoFlaws();
});
