import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { inBrowser, profile } from "../browser/chromium.ts";
import { skipUnless } from "../support/skip.ts";
import { bin, folderOfFile, install, packed, ran } from "./installed.ts";

const REASON = "needs packages from npm";
const creator = folderOfFile({ "package.json": '{ "name": "creator", "private": true }' });
const [tidemark, createTidemark] = await Promise.all([packed(), packed("create-tidemark")]);
// It has no dependency, so this needs no network.
await install(creator, [createTidemark]);

const create = (folder: string, ...args: string[]) =>
  ran(folder, process.execPath, join(creator, "node_modules/create-tidemark/index.mjs"), ...args);

/** An application from a template, with the package as it is here. Null where its packages cannot be had. */
async function made(template: string): Promise<string | null> {
  const folder = folderOfFile();
  await create(folder, "my-app", "--template", template);
  const app = join(folder, "my-app");
  const manifest = JSON.parse(readFileSync(join(app, "package.json"), "utf8"));
  manifest.dependencies.tidemark = `file:${tidemark}`;
  writeFileSync(join(app, "package.json"), JSON.stringify(manifest));
  return (await install(app, [])) ? app : null;
}

/** Starts a program of an application, and gives the address that it prints. */
async function started(app: string, ...args: string[]): Promise<string> {
  const child = spawn(process.execPath, args, { cwd: app, env: { ...process.env, PORT: "0", NODE_ENV: "" } });
  const over = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  onTestFinished(async () => {
    child.kill();
    await over;
  });
  return await new Promise((found, failed) => {
    let text = "";
    const look = (chunk: Buffer) => {
      text += chunk;
      const address = /(?:listening on|are at) (\S+)/.exec(text)?.[1];
      if (address) found(address);
    };
    child.stdout.on("data", look);
    child.stderr.on("data", look);
    void over.then(() => failed(new Error(text)));
  });
}

describe("npm create tidemark", () => {
  it("makes what the template has, under the folder's name, and says what to do next", async () => {
    const folder = folderOfFile();
    const said = await create(folder, "My App", "--template", "node");
    expect(said).toMatch(/cd "My App"\n {2}npm install\n {2}npm run dev\n/);
    expect(JSON.parse(readFileSync(join(folder, "My App/package.json"), "utf8")).name).toBe("my-app");
    expect(readdirSync(join(folder, "My App"))).toContain(".gitignore");
    expect(existsSync(join(folder, "My App/_gitignore"))).toBe(false);
  });

  it("refuses a folder that holds something, and leaves it as it was", async () => {
    const folder = folderOfFile({ "app/mine.txt": "mine" });
    await expect(create(folder, "app", "--template", "node")).rejects.toThrow("is not empty");
    expect(readdirSync(join(folder, "app"))).toEqual(["mine.txt"]);
    mkdirSync(join(folder, "empty"));
    await create(folder, "empty", "--template", "node");
  });

  it("asks nothing of a program: what it was not told is refused, with what there is", async () => {
    const folder = folderOfFile();
    await expect(create(folder)).rejects.toThrow("name the folder to make");
    await expect(create(folder, "app")).rejects.toThrow("name a template with --template");
    await expect(create(folder, "app", "--template", "vue")).rejects.toThrow('there is no template "vue"');
    await expect(create(folder, "app", "--templat", "node")).rejects.toThrow("Unknown option '--templat'");
    expect(readdirSync(folder)).toEqual([]);
  });
});

const node = await made("node");
skipUnless(node !== null, REASON)("the template node: the server serves, and the client writes and reads", async () => {
  const app = String(node);
  const url = await started(app, "server.ts");
  expect(await ran(app, process.execPath, "client.ts", url)).toMatch(/text: 'Milk'[\s\S]*\n0 mutations wait\n$/);
});

const tasks = await made("tasks");
const REACT = "the template tasks: types hold, it is built, and a task is written in a browser and seen after a reload";
if (tasks === null) skipUnless(false, REASON)(REACT, () => {});
else
  inBrowser(REACT, async () => {
    await bin(tasks, "typescript/bin/tsc");
    await bin(tasks, "vite/bin/vite.js", "build", "--logLevel", "warn");
    const page = await (await profile()).newPage();
    const errors: Error[] = [];
    page.on("pageerror", (error) => errors.push(error));
    await page.goto(await started(tasks, "server.ts"));
    await page.getByRole("textbox", { name: "New task" }).fill("Water the cactus");
    await page.keyboard.press("Enter");
    await page
      .getByRole("status")
      .filter({ hasText: /^Up to date$/ })
      .waitFor();
    await page.reload();
    await page.getByRole("checkbox", { name: "Water the cactus" }).waitFor();
    expect(await page.locator(".tidemark-panel").count()).toBe(0);
    expect(errors).toEqual([]);
  });
