import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { shows, snippetsOf } from "./snippets.ts";

const ROOT = resolve(import.meta.dirname, "../..");
/** Milliseconds that a snippet may take; one that hangs has failed. */
const LONGEST = 50_000;
const SHOWN = "http://127.0.0.1:4848";
const documents = [
  "README.md",
  "CONTRIBUTING.md",
  ...readdirSync(join(ROOT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

/** Every command and snippet of the documents runs here, in order, against a server of its own. */
describe.each(documents)("%s", (name) => {
  const snippets = snippetsOf(readFileSync(join(ROOT, name), "utf8"));
  if (snippets.length === 0) return it("has no snippet to run", () => expect(snippets).toEqual([]));

  const folder = mkdtempSync(join(tmpdir(), "tidemark-docs-"));
  // Inside the package, so that `tidemark/…` resolves to what was built.
  const code = mkdtempSync(join(mkdirp(join(ROOT, "test/docs/.run")), "doc-"));
  let server: ChildProcess;
  let address = "";

  beforeAll(async () => {
    server = spawn(
      process.execPath,
      [join(ROOT, "bin/tidemark.mjs"), "serve", "--port", "0", "--data", join(folder, "data")],
      {
        cwd: folder,
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    address = await listening(server);
  });
  afterAll(() => {
    server.kill();
    rmSync(folder, { recursive: true, force: true });
    rmSync(code, { recursive: true, force: true });
  });

  it.each(snippets.map((snippet) => ({ title: `line ${snippet.line}`, snippet })))(
    "$title",
    ({ snippet }) => {
      const text = snippet.code.replaceAll(SHOWN, address);
      const ran = snippet.language === "sh" ? shell(text, folder) : script(text, code, snippet.line);
      expect(ran.status, `${ran.stdout}\n${ran.stderr}`).toBe(0);
      if (snippet.output === null) return;
      const printed = ran.stdout.replaceAll(address, SHOWN);
      if (!shows(snippet.output, printed)) expect(printed).toBe(snippet.output);
    },
    60_000,
  );
});

function shell(text: string, cwd: string) {
  const path = `${join(ROOT, "node_modules/.bin")}:${process.env.PATH}`;
  return spawnSync("bash", ["-euo", "pipefail", "-c", text], {
    cwd,
    encoding: "utf8",
    timeout: LONGEST,
    env: { ...process.env, PATH: path },
  });
}

function script(text: string, folder: string, line: number) {
  const file = join(folder, `line-${line}.ts`);
  writeFileSync(file, text);
  return spawnSync(process.execPath, [file], { cwd: folder, encoding: "utf8", timeout: LONGEST });
}

function mkdirp(folder: string): string {
  mkdirSync(folder, { recursive: true });
  return folder;
}

function listening(child: ChildProcess): Promise<string> {
  return new Promise((found, failed) => {
    let text = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk;
      const address = /listening on (\S+)/.exec(text)?.[1];
      if (address) found(address);
    });
    child.once("exit", (code) => failed(new Error(`the server ended with ${code}`)));
  });
}
