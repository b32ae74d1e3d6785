// The program's door, bin/tidemark.mjs, on Nodes new and old.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { folderOf } from "./support/folder.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

// Stands in for an old Node: the door asks for nothing but the version.
const OLD_NODE = ["--import", "data:text/javascript,Object.defineProperty(process,'version',{value:'v20.20.2'})"];

test("after npm ci alone the program runs and knows its version", () => {
  const program = join(root, "node_modules/.bin/tidemark");
  const { status, stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
  expect(stdout.trim()).toBe(version);
  expect(status).toBe(0);
});

describe("on a Node that is too old", () => {
  test("it says so in one sentence and exits 2", () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [...OLD_NODE, doorOf({})], { encoding: "utf8" });
    expect(stderr).toMatch(/^tidemark needs Node 22\.18 or newer, and this is Node 20\.20\.2: .*\.\n$/);
    expect(stdout).toBe("");
    expect(status).toBe(2);
  });

  test("it goes on with the Node that the package `node` brought, with arguments and exit code", () => {
    const main = "console.log(process.version, ...process.argv.slice(2)); process.exit(7);";
    const door = doorOf({ main, newerNode: true });
    const { status, stdout } = spawnSync(process.execPath, [...OLD_NODE, door, "head", "a b"], { encoding: "utf8" });
    expect(stdout).toBe(`${process.version} head a b\n`);
    expect(status).toBe(7);
  });

  test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("%s reaches the program behind it", async (signal) => {
    const main = `process.on("${signal}", () => process.exit(5)); setInterval(() => {}, 1000); console.log("ready");`;
    const child = spawn(process.execPath, [...OLD_NODE, doorOf({ main, newerNode: true })]);
    await said(child, "ready");
    child.kill(signal);
    expect(await once(child, "exit")).toEqual([5, null]);
  });
});

test("before it is built it says how to build", () => {
  const { status, stderr } = spawnSync(process.execPath, [doorOf({})], { encoding: "utf8" });
  expect(stderr).toMatch(/^tidemark is not built yet: run `npm run build` in .* first\.\n$/);
  expect(status).toBe(2);
});

/** A copy of the door in a tree of its own, before a program that is as small as the test needs. */
function doorOf({ main, newerNode = false }: { main?: string; newerNode?: boolean }): string {
  const folder = folderOf({
    "package.json": '{"type":"module"}',
    ...(main === undefined ? {} : { "dist/cli/main.js": main }),
  });
  mkdirSync(join(folder, "bin"));
  copyFileSync(join(root, "bin/tidemark.mjs"), join(folder, "bin/tidemark.mjs"));
  if (newerNode) {
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(join(root, "node_modules/node"), join(folder, "node_modules/node"));
  }
  return join(folder, "bin/tidemark.mjs");
}

async function said(child: ChildProcess, text: string): Promise<void> {
  for await (const chunk of child.stdout ?? []) if (String(chunk).includes(text)) return;
  throw new Error(`the program ended without saying ${text}`);
}
