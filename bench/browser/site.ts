import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build, type Rolldown } from "vite";
import type { System } from "./systems.ts";

/** A system's page, as an application would ship it. */
export interface Site {
  readonly files: ReadonlyMap<string, string>;
  /** Bytes of the client, minified, with the few lines that use it, and with what its worker loads. */
  readonly bytes: number;
  readonly gzip: number;
}

const CLIENT = "client.js";
const PAGE = '<!doctype html><title>A page</title><script type="module" src="harness.js"></script>';
/** What SQLite's package brings for other ways to use it: it is emitted, and never loaded. */
const UNUSED = /sqlite3-(worker1|opfs-async-proxy)/;

export async function siteOf(system: System): Promise<Site> {
  const [only, ...others] = await outputsOf(system, "inline");
  if (only?.type !== "chunk" || others.some(({ type }) => type === "chunk"))
    throw new Error(`${system.page} was built into more than one file`);
  // A worker within the module is text in it: what it weighs is told of it as a file of its own.
  const parts = (await outputsOf(system, "files")).filter(({ fileName }) => !UNUSED.test(fileName)).map(contentOf);
  return {
    files: new Map([
      ["/", PAGE],
      ["/harness.js", readFileSync(join(import.meta.dirname, "harness.js"), "utf8")],
      [`/${CLIENT}`, only.code],
    ]),
    bytes: sum(parts.map((part) => part.length)),
    gzip: sum(parts.map((part) => gzipSync(part, { level: 9 }).length)),
  };
}

type Output = Rolldown.OutputChunk | Rolldown.OutputAsset;

/** The page's module first. */
async function outputsOf({ page, folder }: System, workers: "inline" | "files"): Promise<Output[]> {
  const result = await build({
    configFile: false,
    logLevel: "silent",
    root: folder ?? import.meta.dirname,
    resolve: {
      alias: [
        // PouchDB means the package of that name, not Node's module.
        { find: /^events$/, replacement: "events/" },
        ...(workers === "files" ? [{ find: /\?worker&inline$/, replacement: "?worker" }] : []),
      ],
    },
    worker: { format: "es" },
    define: { "process.env.NODE_ENV": '"production"', global: "globalThis" },
    build: {
      write: false,
      target: "es2022",
      minify: true,
      modulePreload: false,
      ...(workers === "inline" && { assetsInlineLimit: Number.MAX_SAFE_INTEGER }),
      rollupOptions: {
        input: page,
        preserveEntrySignatures: "strict",
        output: { entryFileNames: CLIENT, codeSplitting: false },
      },
    },
  });
  const outputs = ([result].flat() as Rolldown.RolldownOutput[]).flatMap(({ output }) => output);
  return outputs.sort((a, b) => Number(b.type === "chunk") - Number(a.type === "chunk"));
}

function contentOf(output: Output): Buffer {
  return Buffer.from(output.type === "chunk" ? output.code : output.source);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
