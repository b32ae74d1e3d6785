import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build, type Rolldown } from "vite";
import type { System } from "./systems.ts";

/** A system's page, as an application would ship it. */
export interface Site {
  readonly files: ReadonlyMap<string, string>;
  /** Bytes of the client, minified, with the few lines that use it. */
  readonly bytes: number;
  readonly gzip: number;
}

const CLIENT = "client.js";
const PAGE = '<!doctype html><title>A page</title><script type="module" src="harness.js"></script>';

export async function siteOf({ page, folder }: System): Promise<Site> {
  const result = await build({
    configFile: false,
    logLevel: "silent",
    root: folder ?? import.meta.dirname,
    // PouchDB means the package of that name, not Node's module.
    resolve: { alias: { events: "events/" } },
    define: { "process.env.NODE_ENV": '"production"', global: "globalThis" },
    build: {
      write: false,
      target: "es2022",
      minify: true,
      modulePreload: false,
      rollupOptions: {
        input: page,
        preserveEntrySignatures: "strict",
        output: { entryFileNames: CLIENT, codeSplitting: false },
      },
    },
  });
  const outputs = ([result].flat() as Rolldown.RolldownOutput[]).flatMap(({ output }) => output);
  const chunks = outputs.filter((each) => each.type === "chunk");
  const [client] = chunks;
  if (client === undefined || chunks.length > 1) throw new Error(`${page} was built into ${chunks.length} files`);
  const { code } = client;
  return {
    files: new Map([
      ["/", PAGE],
      ["/harness.js", readFileSync(join(import.meta.dirname, "harness.js"), "utf8")],
      [`/${CLIENT}`, code],
    ]),
    bytes: Buffer.byteLength(code),
    gzip: gzipSync(code, { level: 9 }).length,
  };
}
