// An application as docs/browser.md has it, with the package as it is published, built by Vite as it comes.
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, createServer, type Rolldown } from "vite";
import { expect, onTestFinished } from "vitest";
import { folderOf } from "../support/folder.ts";
import { inBrowser, profileIn } from "./chromium.ts";
import { Place } from "./place.ts";
import { filesOf, served } from "./site.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DOCUMENT = readFileSync(join(ROOT, "docs/browser.md"), "utf8");

/** The block of the document that holds a text. */
function snippet(text: string): string {
  const blocks = [...DOCUMENT.matchAll(/^```ts[^\n]*\n([\s\S]*?)^```/gm)].map(([, block]) => String(block));
  const found = blocks.find((block) => block.includes(text));
  if (found === undefined) throw new Error(`docs/browser.md has no block with ${text}`);
  return found;
}

/** A folder with the application, and what it has installed. */
function application(url: string): string {
  const code = snippet("opfsStore(").replace('"acme"', '"main"').replace(", auth: token", "");
  const folder = folderOf({
    "index.html": '<!doctype html><title>An application</title><script type="module" src="/main.ts"></script>',
    "main.ts": `const url = ${JSON.stringify(url)};\n${code}\nObject.assign(globalThis, { made: () => client });\n`,
    "vite.config.ts": snippet("optimizeDeps"),
  });
  mkdirSync(join(folder, "node_modules/@sqlite.org"), { recursive: true });
  symlinkSync(ROOT, join(folder, "node_modules/tidemark"), "dir");
  for (const name of ["@sqlite.org/sqlite-wasm", "vite"])
    symlinkSync(join(ROOT, "node_modules", name), join(folder, "node_modules", name), "dir");
  return folder;
}

/** Writes a record in the page at this address, and finds it again after a reload. */
async function works(address: string): Promise<void> {
  const page = await (await profileIn(folderOf())).newPage();
  const errors: Error[] = [];
  page.on("pageerror", (error) => errors.push(error));
  await page.goto(address);
  await page.waitForFunction(() => "made" in globalThis);
  const written = await page.evaluate(async () => {
    const { made } = globalThis as unknown as { made: () => import("tidemark/client").Client };
    const client = made();
    await client.subscribe({ scope: "*" }).ready;
    return await client.mutate((tx) => tx.insert("items", { id: "one", text: "kept" })).settled;
  });
  expect(written).toMatchObject({ status: "applied" });
  await page.reload();
  await page.waitForFunction(() => "made" in globalThis);
  const read = await page.evaluate(async () => {
    const { made } = globalThis as unknown as { made: () => import("tidemark/client").Client };
    return await made().get("items", "one");
  });
  expect(read).toEqual({ id: "one", text: "kept" });
  expect(errors).toEqual([]);
}

inBrowser("[C1] an application with the store on OPFS, built by Vite, works", async () => {
  const place = await Place.begin();
  const root = application(place.url);
  const result = await build({ root, configFile: false, logLevel: "silent", build: { write: false } });
  const files = new Map(filesOf(result as Rolldown.RolldownOutput));
  await works(await served(new Map([...files, ["/", String(files.get("/index.html"))]])));
});

inBrowser("[C1] the same works as Vite serves it while it is developed, set up as the document says", async () => {
  const place = await Place.begin();
  const root = application(place.url);
  const server = await createServer({ root, logLevel: "silent", server: { port: 0, fs: { strict: false } } });
  onTestFinished(() => server.close());
  await server.listen();
  await works(String(server.resolvedUrls?.local[0]));
});
