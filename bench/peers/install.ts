import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const INSTALL_MS = 300_000;

/** Installs what a folder's lockfile names, where that is not there yet. */
export async function install(folder: string, say: (text: string) => void): Promise<void> {
  if (!existsSync(join(folder, "package.json"))) return;
  const hash = createHash("sha256")
    .update(readFileSync(join(folder, "package-lock.json")))
    .digest("hex");
  const stamp = join(folder, "node_modules", ".installed");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return;
  say("npm ci");
  const options = ["ci", "--prefix", folder, "--workspaces=false", "--no-audit", "--no-fund", "--loglevel=error"];
  try {
    await promisify(execFile)("npm", options, {
      cwd: folder,
      timeout: INSTALL_MS,
      shell: process.platform === "win32",
    });
  } catch (error) {
    const { stderr = "", killed } = error as { stderr?: string; killed?: boolean };
    const reason = killed ? `took more than ${INSTALL_MS / 1000} s` : (stderr.trim().split("\n")[0] ?? "");
    throw new Error(`npm ci: ${reason}`);
  }
  writeFileSync(stamp, hash);
}
