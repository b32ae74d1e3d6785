import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const program = fileURLToPath(new URL("../node_modules/.bin/tidemark", import.meta.url));
const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

function run(...args: string[]) {
  return spawnSync(program, args, { encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } });
}

test("after npm ci alone the program runs and knows its version", () => {
  const { status, stdout } = run("--version");
  expect(stdout.trim()).toBe(version);
  expect(status).toBe(0);
});
