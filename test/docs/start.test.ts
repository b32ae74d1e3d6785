// docs/start.md from top to bottom, as somebody would follow it: its files in a folder that has the package, its server
// in one terminal and its commands in another.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, it } from "vitest";
import { blocksOf, shows } from "./snippets.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const page = readFileSync(join(ROOT, "docs/start.md"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "tidemark-start-"));
let server: ChildProcess | null = null;

afterAll(async () => {
  await stop();
  rmSync(folder, { recursive: true, force: true });
});

it("the five-minute start works as it is written", async () => {
  const port = String(await freePort());
  const path = `${join(folder, "node_modules/.bin")}:${join(ROOT, "node_modules/.bin")}:${process.env.PATH}`;
  const env = { ...process.env, PATH: path, NO_COLOR: "1" };
  installed();
  const blocks = blocksOf(page);
  let ran = 0;
  for (const [i, { info, code }] of blocks.entries()) {
    const [language, what] = info.split(" ");
    if (language === "ts" && what?.endsWith(".ts")) writeFileSync(join(folder, what), code.replaceAll("4848", port));
    else if (what === "serve") {
      // As npx does, but so that the signal reaches it.
      const command = `exec ${code.replace("npx ", "")} --port ${port}`;
      server = spawn("bash", ["-c", command], { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] });
      await listening(server);
    } else if (what === "run" || what === "stopped") {
      if (what === "stopped") await stop();
      const { stdout, stderr } = spawnSync("bash", ["-euo", "pipefail", "-c", code], {
        cwd: folder,
        env,
        encoding: "utf8",
      });
      const expected = blocks[i + 1]?.code ?? "";
      if (!shows(expected, stdout)) expect(`${stdout}${stderr}`).toBe(expected);
      ran++;
    }
  }
  expect(ran).toBe(3);
});

/** As `npm install tidemark` leaves it. */
function installed(): void {
  mkdirSync(join(folder, "node_modules/.bin"), { recursive: true });
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ name: "kitchen", type: "module", dependencies: { tidemark: "*" } }),
  );
  symlinkSync(ROOT, join(folder, "node_modules/tidemark"));
  symlinkSync("../tidemark/bin/tidemark.mjs", join(folder, "node_modules/.bin/tidemark"));
}

function listening(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk;
      if (text.includes("listening on")) resolve();
    });
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
  });
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  await new Promise((done) => probe.close(done));
  return port;
}

async function stop(): Promise<void> {
  if (server === null || server.exitCode !== null) return;
  const ended = once(server, "exit");
  server.kill("SIGINT");
  await ended;
}
