// What a browser loads to run the client with the IndexedDB store: bundled and minified from the sources, gzipped.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";

const SRC = fileURLToPath(new URL("../src", import.meta.url));

/**
 * Bytes of what is loaded at start, that is the entry and what it imports statically; of all chunks together; and of each
 * module before it is minified, with whether it is among those of the start. Every chunk is compressed by itself, as a
 * server does.
 */
export async function bundleSize() {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-size-"));
  const entry = join(folder, "entry.ts");
  writeFileSync(
    entry,
    `import { createClient } from ${JSON.stringify(join(SRC, "client/index.ts"))};
     import { indexedDbStore } from ${JSON.stringify(join(SRC, "client/store/indexeddb/index.ts"))};
     globalThis.application = [createClient, indexedDbStore];`,
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
        rollupOptions: { input: entry },
      },
    });
    const chunks = [result].flat().flatMap(({ output }) => output.filter(({ type }) => type === "chunk"));
    const start = atStart(chunks);
    return {
      start: sizeOf(start),
      all: sizeOf(chunks),
      modules: chunks
        .flatMap((chunk) => Object.entries(chunk.modules).map(([id, module]) => ({ id, module, chunk })))
        .map(({ id, module, chunk }) => ({
          path: id.replace(SRC, "src"),
          bytes: module.renderedLength,
          lazy: !start.includes(chunk),
        }))
        .sort((a, b) => b.bytes - a.bytes),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The entry and all that it imports, directly or not, other than by a dynamic import. */
function atStart(chunks) {
  const byName = new Map(chunks.map((chunk) => [chunk.fileName, chunk]));
  const start = new Set(chunks.filter(({ isEntry }) => isEntry));
  for (const { imports } of start) for (const name of imports) start.add(byName.get(name));
  return [...start];
}

function sizeOf(chunks) {
  return {
    minified: chunks.reduce((sum, { code }) => sum + code.length, 0),
    gzipped: chunks.reduce((sum, { code }) => sum + gzipSync(code, { level: 9 }).length, 0),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { start, all, modules } = await bundleSize();
  for (const { path, bytes, lazy } of modules) console.log(String(bytes).padStart(7), path, lazy ? "(lazy)" : "");
  console.log(`at start: ${start.minified} bytes minified, ${start.gzipped} gzipped`);
  console.log(`all chunks: ${all.minified} bytes minified, ${all.gzipped} gzipped`);
}
