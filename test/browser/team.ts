// The task board of the examples, with people in front of it.
import type { Locator, Page } from "playwright-core";
import { onTestFinished } from "vitest";
import { type Page as Built, builtPage } from "../../examples/tasks/server/page.ts";
import { serveBoard } from "../../examples/tasks/server/serve.ts";
import { folderOf } from "../support/folder.ts";
import { profile } from "./chromium.ts";

let built: Promise<Built> | null = null;

/** The address of a board of the test's own, with the sample on it. */
export async function board(): Promise<string> {
  built ??= builtPage(folderOf());
  const { url, close } = await serveBoard({ port: 0, data: folderOf(), page: await built });
  onTestFinished(close);
  return url;
}

/** Resolves once the server has this in the history of a task. */
export async function onServer(address: string, task: string, text: string): Promise<void> {
  const history = `${address}/v1/spaces/tasks/history/tasks/${task}`;
  const asked = async () => await (await fetch(history, { headers: { authorization: "Bearer ann" } })).text();
  while (!(await asked()).includes(text));
}

/** A person with a browser of their own. */
export class Teammate {
  readonly page: Page;

  private constructor(page: Page) {
    this.page = page;
  }

  static async at(address: string, person: string): Promise<Teammate> {
    const context = await profile();
    await context.addInitScript((name) => localStorage.setItem("tidemark-tasks-person", name), person);
    const page = await context.newPage();
    // What is not seen by then is named, before the test as a whole is over.
    page.setDefaultTimeout(20_000);
    const errors: Error[] = [];
    page.on("pageerror", (error) => errors.push(error));
    onTestFinished(() => {
      if (errors.length > 0) throw new AggregateError(errors, "the page threw");
    });
    await page.goto(address);
    await page.locator("[data-task]").first().waitFor();
    return new Teammate(page);
  }

  card(title: string): Locator {
    return this.page.locator("[data-task]", { has: this.page.getByRole("button", { name: title, exact: true }) });
  }

  column(name: string): Locator {
    return this.page.getByRole("region", { name });
  }

  get status(): Locator {
    return this.page.getByRole("banner").getByRole("status");
  }

  async says(text: string | RegExp): Promise<void> {
    await this.status.filter({ hasText: text }).waitFor();
  }

  /** Throws the switch, and waits until the status tells it. */
  async network(to: "on" | "off"): Promise<void> {
    await this.page.getByRole("switch", { name: "Offline" }).setChecked(to === "off", { force: true });
    await this.says(to === "off" ? "Offline" : /^Up to date$/);
  }

  async open(title: string): Promise<Locator> {
    await this.page.getByRole("button", { name: title, exact: true }).click();
    return this.page.getByRole("dialog");
  }

  async rename(title: string, to: string): Promise<void> {
    const card = this.card(title);
    await card.hover();
    await card.getByRole("button", { name: `Rename ${title}` }).click();
    await this.page.getByRole("textbox", { name: "Title" }).fill(to);
    await this.page.keyboard.press("Enter");
    await this.card(to).waitFor();
  }

  async close(): Promise<void> {
    await this.page.getByRole("dialog").getByRole("button", { name: "Close", exact: true }).click();
  }
}
