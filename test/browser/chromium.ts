// A real browser for tests: one that is installed on this machine, with profiles of its own.
import { existsSync } from "node:fs";
import { type Browser, type BrowserContext, chromium, type LaunchOptions } from "playwright-core";
import { afterAll, onTestFinished } from "vitest";
import { skipUnless } from "../support/skip.ts";

const PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

const found = [process.env["CHROMIUM"] ?? "", ...PLACES].find((path) => path !== "" && existsSync(path));

/** With TIDEMARK_BROWSER=required, as `.ci/run` sets it, a machine without a browser fails. */
const required = process.env["TIDEMARK_BROWSER"] === "required";

/** Declares a test that needs a browser. */
export const inBrowser = skipUnless(found !== undefined || required, "needs Chromium");

const OPTIONS: LaunchOptions = {
  headless: true,
  args: [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // Root, as containers have it, is refused the sandbox.
    ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
  ],
};

function options(): LaunchOptions {
  if (found === undefined) {
    throw new Error("no Chromium: `apt-get install chromium`, or say where one is with CHROMIUM=/path/to/it");
  }
  return { ...OPTIONS, executablePath: found };
}

let shared: Promise<Browser> | null = null;
afterAll(async () => await (await shared)?.close());

/** A browser of the test's own, that it may kill. */
export async function launched(): Promise<Browser> {
  const browser = await chromium.launch(options());
  onTestFinished(() => browser.close());
  return browser;
}

/** A fresh profile: what pages of one user share, and others do not. */
export async function profile(): Promise<BrowserContext> {
  shared ??= chromium.launch(options());
  const context = await (await shared).newContext();
  onTestFinished(() => context.close());
  return context;
}

/** A profile that lies in a folder, so that it is still there when its browser was killed. */
export async function profileIn(folder: string): Promise<BrowserContext> {
  const context = await chromium.launchPersistentContext(folder, options());
  onTestFinished(() => context.close());
  return context;
}
