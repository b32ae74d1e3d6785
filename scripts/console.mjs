// Builds the console into dist/console, where its sources or the installed packages have changed since it was last built.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = join(root, "dist/console");
// Not in dist/, since that is published whole.
const stamp = join(root, "node_modules/.tidemark-console");

function inputsHash() {
  const hash = createHash("sha256").update(readFileSync(join(root, "package-lock.json")));
  for (const entry of readdirSync(join(root, "console"), { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name))
    .sort())
    hash.update(entry.slice(root.length)).update(readFileSync(entry));
  return hash.digest("hex");
}

const wanted = inputsHash();
if (!existsSync(join(out, "index.html")) || !existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
  const { build } = await import("vite");
  await build({ configFile: join(root, "console/vite.config.ts"), root: join(root, "console"), logLevel: "warn" });
  writeFileSync(stamp, wanted);
}
