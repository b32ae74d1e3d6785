// What a browser loads to run the client with a store: bundled and minified from the sources, gzipped.
//   node scripts/bundle-size.mjs       the store on IndexedDB
//   node scripts/bundle-size.mjs opfs  the store on OPFS, with its worker and SQLite's WebAssembly
//   node scripts/bundle-size.mjs react the store on IndexedDB and the hooks, without React itself

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";

const SRC = fileURLToPath(new URL("../src", import.meta.url));

const STORES = {
  react: `import { indexedDbStore } from ${JSON.stringify(join(SRC, "client/store/indexeddb/index.ts"))};
    import * as hooks from ${JSON.stringify(join(SRC, "react/index.ts"))};
    const store = [indexedDbStore, hooks];`,
  indexeddb: `import { indexedDbStore as store } from ${JSON.stringify(join(SRC, "client/store/indexeddb/index.ts"))};`,
  opfs: `import { opfsStore as store } from ${JSON.stringify(join(SRC, "client/store/opfs/index.ts"))};
    globalThis.worker = () => new Worker(new URL(${JSON.stringify(join(SRC, "client/store/opfs/worker.ts"))}, import.meta.url), { type: "module" });`,
};
/** What SQLite's package makes a bundler emit for other ways to use it. */
const NEVER_LOADED = /sqlite3-(worker1|opfs-async-proxy)/;

/**
 * Bytes of what is loaded at start, that is the entry and what it imports statically; of all chunks together; and of each
 * module before it is minified, with whether it is among those of the start; and of the other files that are loaded. Every
 * one is compressed by itself, as a server does.
 */
export async function bundleSize(store = "indexeddb") {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-size-"));
  const entry = join(folder, "entry.ts");
  writeFileSync(
    entry,
    `import { createClient } from ${JSON.stringify(join(SRC, "client/index.ts"))};
     ${STORES[store]}
     globalThis.application = [createClient, store];`,
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
        rollupOptions: { input: entry, external: /^react/ },
      },
    });
    const outputs = [result].flat().flatMap(({ output }) => output);
    const chunks = outputs.filter(({ type }) => type === "chunk");
    const assets = outputs.filter(({ type, fileName }) => type === "asset" && !NEVER_LOADED.test(fileName));
    const start = atStart(chunks);
    return {
      start: sizeOf(start),
      all: sizeOf(chunks),
      others: assets.map(({ fileName, source }) => ({ path: fileName, ...sizeOf([{ code: Buffer.from(source) }]) })),
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
  for (const { imports } of start) for (const name of imports) if (byName.has(name)) start.add(byName.get(name));
  return [...start];
}

function sizeOf(chunks) {
  return {
    minified: chunks.reduce((sum, { code }) => sum + code.length, 0),
    gzipped: chunks.reduce((sum, { code }) => sum + gzipSync(code, { level: 9 }).length, 0),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const store = process.argv[2] ?? "indexeddb";
  if (!(store in STORES)) throw new Error(`no store ${store}: ${Object.keys(STORES).join(" or ")}`);
  const { start, all, modules, others } = await bundleSize(store);
  for (const { path, bytes, lazy } of modules) console.log(String(bytes).padStart(7), path, lazy ? "(lazy)" : "");
  console.log(`at start: ${start.minified} bytes minified, ${start.gzipped} gzipped`);
  console.log(`all chunks: ${all.minified} bytes minified, ${all.gzipped} gzipped`);
  for (const { path, minified, gzipped } of others) console.log(`${path}: ${minified} bytes, ${gzipped} gzipped`);
}
