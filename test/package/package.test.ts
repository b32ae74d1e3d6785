import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { describe, expect, it, onTestFinished } from "vitest";
import { createServer, listen } from "../../src/server/index.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { inBrowser, profile } from "../browser/chromium.ts";
import { served } from "../browser/site.ts";
import { skipUnless } from "../support/skip.ts";
import { collections } from "./app/collections.ts";
import { bin, folderOfFile, install, packed, ROOT, ran, withApp } from "./installed.ts";

const tarball = await packed();
/** What an application has beside the package. `node` is another one than the tests run in. */
const BESIDE = ["@types/react", "@types/react-dom", "@tanstack/db", "react", "react-dom", "vite", "zod"];
const OLDEST_NODE = "22.23.3";

const versions: Record<string, string> = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).devDependencies;
const project = folderOfFile({ "package.json": '{ "name": "an-application", "private": true, "type": "module" }' });
const installed = await install(project, [
  tarball,
  ...BESIDE.map((name) => `${name}@${versions[name] ?? JSON.parse(manifest(name)).version}`),
]);
const needsPackages = skipUnless(installed, "needs packages from npm");

function manifest(name: string): string {
  return readFileSync(join(ROOT, "node_modules", name, "package.json"), "utf8");
}

describe("what is published", () => {
  it("is what publint wants of a package", async () => {
    const data = readFileSync(tarball);
    const bytes = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) as ArrayBuffer;
    const { messages, pkg } = await publint({ pack: { tarball: bytes } });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  it("has types that every resolution of modules finds, for what imports ES modules", async () => {
    const result = await checkPackage(createPackageFromTarballData(readFileSync(tarball)));
    if (result.types === false) throw new Error("it has no types");
    // Node before 12.7 knows no "exports", and CommonJS requires the modules as they are, from Node 22.12 on.
    const others = result.problems.filter(({ kind, ...where }) => {
      const way = "resolutionKind" in where ? where.resolutionKind : null;
      return way !== "node10" && !(way === "node16-cjs" && kind === "CJSResolvesToESM");
    });
    expect(others).toEqual([]);
    expect(Object.keys(result.entrypoints).length).toBeGreaterThan(15);
  });
});

needsPackages("an installation runs nothing of the package, and brings no test and no planted bug", () => {
  const { scripts } = JSON.parse(readFileSync(join(project, "node_modules/tidemark/package.json"), "utf8"));
  expect(Object.keys(scripts).filter((name) => /^(pre|post)?install$/.test(name))).toEqual([]);
  const files = readdirSync(join(project, "node_modules"), { recursive: true, encoding: "utf8" });
  expect(files).not.toContain(".tidemark-installed");
  const own = files.filter((path) => path.startsWith(join("tidemark", "")));
  expect(own.filter((path) => /\.test\.|\bbugs\b|\btest\//.test(path))).toEqual([]);
  expect(own).toContain(join("tidemark", "dist", "index.js"));
});

needsPackages("server, client and program run in Node", async () => {
  withApp(project);
  expect(await ran(project, process.execPath, "node.ts")).toBe("applied true Milk\n");
  expect(await bin(project, "tidemark/bin/tidemark.mjs", "--help")).toContain("serve");
});

const older = folderOfFile({ "package.json": '{ "name": "older", "private": true }' });
const hasOlder = installed && (await install(older, [`node@${OLDEST_NODE}`]));
skipUnless(hasOlder, "needs packages from npm")("they run in the oldest Node that is supported", async () => {
  withApp(project);
  const node = join(older, "node_modules/node/bin/node");
  expect(await ran(older, node, "--version")).toBe(`v${OLDEST_NODE}\n`);
  expect(await ran(project, node, "node.ts")).toContain("applied true Milk\n");
  expect(await ran(project, node, "node_modules/tidemark/bin/tidemark.mjs", "--help")).toContain("serve");
});

needsPackages("types reach from the schemas to queries, writes, hooks and collections", async () => {
  withApp(project);
  const options = { strict: true, noEmit: true, allowImportingTsExtensions: true, skipLibCheck: false };
  const browser = { target: "es2023", lib: ["ES2024", "ESNext.Disposable", "DOM", "DOM.Iterable"], types: [] };
  for (const module of [{ module: "nodenext" }, { module: "esnext", moduleResolution: "bundler" }]) {
    const config = { compilerOptions: { ...options, ...browser, ...module }, include: ["*.ts"], exclude: ["node.ts"] };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify(config));
    await ran(project, process.execPath, join(ROOT, "node_modules/typescript/bin/tsc"), "-p", project);
  }
});

if (installed) {
  inBrowser("[C1] an application that Vite has built runs in a browser, page and worker", async () => {
    withApp(project);
    const store = openSqliteStore({ path: ":memory:" });
    const server = createServer({
      store,
      config: { spaces: "open", collections, origins: ["*"], auth: { open: true } },
    });
    const { url, close } = await listen(server, { host: "127.0.0.1", port: 0 });
    onTestFinished(close);
    await bin(project, "vite/bin/vite.js", "build", "--logLevel", "warn");
    const files = readdirSync(join(project, "dist/assets")).map((name): [string, string] => [
      `/assets/${name}`,
      readFileSync(join(project, "dist/assets", name), "utf8"),
    ]);
    const site = await served(new Map([["/", readFileSync(join(project, "dist/index.html"), "utf8")], ...files]));
    const page = await (await profile()).newPage();
    const errors: Error[] = [];
    page.on("pageerror", (error) => errors.push(error));
    await page.goto(`${site}?server=${encodeURIComponent(url)}`);
    await page.locator("ul[data-ready=true]").getByText("From the worker").waitFor();
    expect(await page.locator("li").allInnerTexts()).toEqual(["From the page", "From the worker"]);
    expect(errors).toEqual([]);
  });
} else needsPackages("[C1] an application that Vite has built runs in a browser, page and worker", () => {});
