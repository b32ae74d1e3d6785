import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const FOLDER = fileURLToPath(new URL("vendors", import.meta.url));
const run = promisify(execFile);

/**
 * Installs the vendors' clients, 200 MB that nobody else needs, once. False where they cannot be had. None of their
 * scripts runs: they bring nothing that these tests use.
 */
export async function vendorsInstalled(): Promise<boolean> {
  const hash = createHash("sha256")
    .update(readFileSync(join(FOLDER, "package-lock.json")))
    .digest("hex");
  const stamp = join(FOLDER, "node_modules", ".installed");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return true;
  const options = [
    "ci",
    "--prefix",
    FOLDER,
    "--workspaces=false",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
  ];
  try {
    await run("npm", options, { cwd: FOLDER, timeout: 300_000, shell: process.platform === "win32" });
  } catch {
    return false;
  }
  writeFileSync(stamp, hash);
  return true;
}

/** What a vendor's client prints of what it sees. */
export async function seenBy(vendor: string, ...args: string[]): Promise<unknown> {
  const { stdout } = await run(process.execPath, [join(FOLDER, `${vendor}.mjs`), ...args], {
    timeout: 100_000,
    maxBuffer: 2 ** 28,
  });
  return JSON.parse(stdout);
}
