import { existsSync } from "node:fs";
import { type BrowserContext, chromium, type LaunchOptions, type Page } from "playwright-core";
import type { Site } from "./site.ts";

/** A real Chromium with a profile on disk: what has none keeps its IndexedDB in memory. */

const PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

function options(): LaunchOptions {
  const executablePath = [process.env["CHROMIUM"] ?? "", ...PLACES].find((path) => path !== "" && existsSync(path));
  if (executablePath === undefined) {
    throw new Error("no Chromium: install it, or say where one is with CHROMIUM=/path/to/it");
  }
  const args = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // A page that comes from a route is nowhere, and would have to ask before it may reach this machine.
    "--disable-features=LocalNetworkAccessChecks",
    // Root, as containers have it, is refused the sandbox.
    ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
  ];
  return { executablePath, headless: true, args };
}

export function launched(profile: string): Promise<BrowserContext> {
  return chromium.launchPersistentContext(profile, options());
}

/** "Chromium 140.0.7339.16" */
export async function version(): Promise<string> {
  const browser = await chromium.launch(options());
  const found = `Chromium ${browser.version()}`;
  await browser.close();
  return found;
}

/** Loads the page as if the system's own server had served it, so that nothing is asked across origins. */
export async function load(page: Page, { files }: Site, address: unknown): Promise<void> {
  const base = `${originOf(address)}/bench`;
  await page.route(`${base}/**`, async (route) => {
    const path = new URL(route.request().url()).pathname.slice("/bench".length);
    const body = files.get(path);
    const contentType = path.endsWith(".js") ? "text/javascript" : "text/html";
    await route.fulfill(body === undefined ? { status: 404 } : { body, contentType });
  });
  await page.goto(`${base}/`);
  await page.waitForFunction(() => "bench" in globalThis);
  // What passes through a route is held up: nothing that is measured may.
  await page.unrouteAll();
}

/** Of a system's server, from what its clients are told. */
export function originOf(address: unknown): string {
  const url = typeof address === "string" ? address : (address as { readonly url: string }).url;
  return new URL(url.replace(/^ws/, "http")).origin;
}
