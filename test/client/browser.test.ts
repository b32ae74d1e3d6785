import { readdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Rolldown } from "vite";
import { expect, it } from "vitest";
import { folderOf } from "../support/folder.ts";

const SRC = fileURLToPath(new URL("../../src", import.meta.url));
const PORTABLE = ["util", "model", "wire", "client"];
/** The one folder that is for Node alone. */
const NODE_ONLY = "client/store/sqlite/";

function portableFiles(): string[] {
  const files = PORTABLE.flatMap((folder) =>
    readdirSync(join(SRC, folder), { recursive: true, encoding: "utf8" }).map((file) => join(folder, file)),
  );
  return files.filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && !file.startsWith(NODE_ONLY));
}

/** Bundles a module for a browser; anything of Node that it imports is an error. */
async function bundled(entry: string): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: "silent",
    root: join(entry, ".."),
    plugins: [
      {
        name: "no-node",
        enforce: "pre",
        resolveId(id, importer) {
          if (id.startsWith("node:")) throw new Error(`${relative(SRC, importer ?? "")} imports ${id}`);
        },
      },
    ],
    build: { write: false, rollupOptions: { input: entry, preserveEntrySignatures: "strict" }, modulePreload: false },
  });
  const outputs = [result].flat() as Rolldown.RolldownOutput[];
  return outputs.flatMap(({ output }) => output.map((chunk) => ("code" in chunk ? chunk.code : ""))).join("");
}

it("[C1] util, model, wire and client run in a browser: they import nothing of Node", async () => {
  const entry = join(folderOf(), "all.ts");
  writeFileSync(
    entry,
    portableFiles()
      .map((file, i) => `export * as m${i} from ${JSON.stringify(join(SRC, file))};`)
      .join("\n"),
  );
  expect((await bundled(entry)).length).toBeGreaterThan(10_000);
});

it("[C1] the check finds an import of Node", async () => {
  const entry = join(folderOf(), "node.ts");
  writeFileSync(entry, `export * from ${JSON.stringify(join(SRC, NODE_ONLY))};`);
  await expect(bundled(entry)).rejects.toThrow("imports node:");
});
