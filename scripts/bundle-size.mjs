// What a browser loads to run the client with the IndexedDB store: bundled and minified from the sources, gzipped.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";

const SRC = fileURLToPath(new URL("../src", import.meta.url));

/** Bytes of everything that the client loads when it starts, and of each module before it is minified. */
export async function bundleSize() {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-size-"));
  const entry = join(folder, "entry.ts");
  writeFileSync(
    entry,
    `export { createClient } from ${JSON.stringify(join(SRC, "client/index.ts"))};
     export { indexedDbStore } from ${JSON.stringify(join(SRC, "client/store/indexeddb/index.ts"))};`,
  );
  try {
    const result = await build({
      configFile: false,
      logLevel: "silent",
      root: folder,
      build: {
        write: false,
        target: "es2022",
        modulePreload: false,
        rollupOptions: { input: entry, preserveEntrySignatures: "strict" },
      },
    });
    const chunks = [result].flat().flatMap(({ output }) => output.filter(({ type }) => type === "chunk"));
    const modules = chunks.flatMap(({ modules }) => Object.entries(modules));
    return {
      minified: chunks.reduce((sum, { code }) => sum + code.length, 0),
      gzipped: chunks.reduce((sum, { code }) => sum + gzipSync(code, { level: 9 }).length, 0),
      modules: modules
        .map(([id, { renderedLength }]) => ({ path: id.replace(SRC, "src"), bytes: renderedLength }))
        .sort((a, b) => b.bytes - a.bytes),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { minified, gzipped, modules } = await bundleSize();
  for (const { path, bytes } of modules) console.log(String(bytes).padStart(7), path);
  console.log(`${minified} bytes minified, ${gzipped} gzipped`);
}
