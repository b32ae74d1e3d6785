#!/usr/bin/env node
// The program's door. It is plain JavaScript that old Nodes can read, because its first task is to
// say so when Node is too old, or to go on with a newer Node where the package `node` brought one.
import { spawn } from "child_process";
import { existsSync, readFileSync } from "fs";
import { dirname, join } from "path";
import { fileURLToPath } from "url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const main = new URL("../dist/cli/main.js", import.meta.url);

function recentEnough(version) {
  const parts = version.replace(/^v/, "").split(".").map(Number);
  return parts[0] > 22 || (parts[0] === 22 && parts[1] >= 18);
}

// The package `node` lies in our own node_modules (a clone) or beside us (an installation).
function newerNode() {
  for (const home of [join(root, "node_modules", "node"), join(root, "..", "node")]) {
    const program = join(home, "bin", process.platform === "win32" ? "node.exe" : "node");
    try {
      const version = JSON.parse(readFileSync(join(home, "package.json"), "utf8")).version;
      if (recentEnough(version) && existsSync(program)) return program;
    } catch (_) {
      // Not there: look in the next place.
    }
  }
  return null;
}

function complain(text) {
  process.stderr.write(text + "\n");
  process.exitCode = 2;
}

function runWith(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url)].concat(process.argv.slice(2)), { stdio: "inherit" });
  const signals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };
  Object.keys(signals).forEach((name) => process.on(name, () => child.kill(name)));
  child.on("error", (error) => complain("tidemark could not start " + node + ": " + error.message));
  child.on("exit", (code, signal) => process.exit(signal ? 128 + (signals[signal] || 9) : code));
}

if (recentEnough(process.version)) {
  if (existsSync(fileURLToPath(main))) void import(main.href);
  else complain("tidemark is not built yet: run `npm run build` in " + root + " first.");
} else {
  const node = newerNode();
  if (node) runWith(node);
  else
    complain(
      "tidemark needs Node 22.18 or newer, and this is Node " +
        process.version.slice(1) +
        ": install a newer Node from https://nodejs.org.",
    );
}
