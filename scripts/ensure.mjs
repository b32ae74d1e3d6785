// Makes sure that what is installed is what the lockfile says, so that `npm start` and `npm test` work
// on a fresh clone. It has no dependency and runs on any Node from 18 on.
//   node scripts/ensure.mjs              installs where that is needed
//   node scripts/ensure.mjs --installed  notes that an installation has just finished
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, "node_modules");
const stamp = join(modules, ".tidemark-installed");

function lockfileHash() {
  return createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
}

function reasonToInstall() {
  if (!existsSync(modules)) return "The packages are not installed yet";
  if (!existsSync(stamp)) return "The packages were not installed completely";
  if (readFileSync(stamp, "utf8") !== lockfileHash()) return "The installed packages are older than package-lock.json";
  return null;
}

function install(reason) {
  console.error(`${reason}; running npm ci, which takes about a minute.`);
  const done = spawnSync("npm", ["ci", "--include=dev", "--no-fund", "--no-audit", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (done.error) console.error(`npm could not be started: ${done.error.message}`);
  if (done.status !== 0) process.exit(done.status || 1);
  writeFileSync(stamp, lockfileHash());
}

if (process.argv.includes("--installed")) {
  // Inside somebody else's tree, or before the first lockfile, there is nothing to note.
  if (existsSync(join(root, "package-lock.json")) && existsSync(modules)) {
    writeFileSync(stamp, lockfileHash());
  }
} else {
  const reason = reasonToInstall();
  if (reason) install(reason);
}
