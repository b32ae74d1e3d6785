// The package as a stranger gets it: packed, and installed by npm into an empty project.
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll } from "vitest";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);
const SHELL = process.platform === "win32";
/** What npm says where it has no network, and its cache does not hold a package. */
const NO_REGISTRY = /ENOTCACHED|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT/;

/** A folder that goes when the tests of this file are over. */
export function folderOfFile(files: Record<string, string> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-package-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** Packs a folder of the repository as it is now, `dist` included, and gives the path of the file. */
export async function packed(folder = "."): Promise<string> {
  const into = folderOfFile();
  const args = ["pack", join(ROOT, folder), "--ignore-scripts", "--json", "--pack-destination", into];
  const { stdout } = await run("npm", args, { cwd: into, maxBuffer: 2 ** 26, shell: SHELL });
  return join(into, /"filename": "([^"]+)"/.exec(stdout)?.[1] ?? "");
}

/** Installs into a folder, scripts of packages included. False where npm has neither a network nor what is asked for. */
export async function install(folder: string, packages: readonly string[]): Promise<boolean> {
  const args = ["install", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error", ...packages];
  try {
    await run("npm", args, { cwd: folder, timeout: 300_000, maxBuffer: 2 ** 26, shell: SHELL });
    return true;
  } catch (error) {
    const { stderr } = error as { stderr: string };
    if (NO_REGISTRY.test(stderr)) return false;
    throw new Error(`npm install failed: ${stderr}`);
  }
}

/** Runs a program in a folder, and gives what it printed; rejects with all of it where it fails. */
export async function ran(folder: string, program: string, ...args: readonly string[]): Promise<string> {
  // As in a user's shell: under a test's name Vite builds what is for development.
  const { NODE_ENV: _, ...env } = process.env;
  try {
    return (await run(program, args, { cwd: folder, env, timeout: 200_000, maxBuffer: 2 ** 26 })).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${program} ${args.join(" ")}:\n${stdout}\n${stderr}`);
  }
}

/** A program of the project's own, in Node as it runs here. */
export const bin = (folder: string, name: string, ...args: readonly string[]) =>
  ran(folder, process.execPath, join(folder, "node_modules", name), ...args);

/** Puts the files of `app/` into a project. */
export function withApp(folder: string): void {
  cpSync(join(ROOT, "test/package/app"), folder, { recursive: true });
}
