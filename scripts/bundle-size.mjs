// Prints what the client weighs in a browser, minified and gzipped (C7), and which of its modules weigh most.
// --max BYTES: exit code 1 where all of it weighs more.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { build, transformWithOxc } from "vite";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({ options: { max: { type: "string" } } });

/** The client's own names, and what comes with the store that a browser keeps its replica in. */
const CLIENT = "src/client/index.ts";
const STORE = "src/client/store/idb/index.ts";

/** A bundle of these modules, as an application's build makes it. */
async function bundled(...files) {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-size-"));
  const entry = join(folder, "entry.ts");
  writeFileSync(entry, files.map((file) => `export * from ${JSON.stringify(join(ROOT, file))};`).join("\n"));
  const result = await build({
    configFile: false,
    logLevel: "silent",
    root: ROOT,
    build: {
      write: false,
      target: "es2023",
      modulePreload: false,
      rollupOptions: { input: entry, preserveEntrySignatures: "strict" },
    },
  });
  rmSync(folder, { recursive: true });
  return [result].flat()[0].output[0];
}

const gzipped = (text) => gzipSync(text, { level: 9 }).length;

function row(name, code) {
  console.log(`${name.padEnd(34)} ${String(code.length).padStart(8)} ${String(gzipped(code)).padStart(7)}`);
}

console.log(`${"".padEnd(34)} minified gzipped`);
let whole = await bundled(CLIENT);
row("client", whole.code);
if (existsSync(join(ROOT, STORE))) {
  whole = await bundled(CLIENT, STORE);
  row("client with the IndexedDB store", whole.code);
}

console.log("\nmodules, each by itself and without its names made short:");
const modules = [];
for (const [id, { code }] of Object.entries(whole.modules)) {
  if (!code || id.startsWith("\0")) continue;
  const { code: plain } = await transformWithOxc(code, `${id}.js`);
  modules.push({ name: relative(ROOT, id), code: plain.replace(/\s+/g, " ") });
}
modules.sort((a, b) => gzipped(b.code) - gzipped(a.code));
for (const { name, code } of modules) row(name, code);

if (values.max !== undefined && gzipped(whole.code) > Number(values.max)) {
  console.error(`\nmore than ${values.max} bytes`);
  process.exitCode = 1;
}
