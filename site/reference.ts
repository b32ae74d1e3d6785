// Writes docs/reference/: a page for each entry of the package, from the declarations and docstrings in dist/.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Declared, exportsOf } from "./declarations.ts";

const ROOT = join(import.meta.dirname, "..");
const TARGET = join(ROOT, "docs/reference");

export interface Entry {
  /** As it is imported, `tidemark/client`. */
  readonly name: string;
  /** Of its page, `client-sqlite`. */
  readonly page: string;
  readonly declared: readonly Declared[];
}

/** The entries of package.json with what they export, in the order of the names. */
export function entries(): Entry[] {
  const { exports } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    exports: Record<string, { types?: string }>;
  };
  return Object.entries(exports)
    .filter(([, { types }]) => types !== undefined)
    .map(([path, { types }]) => ({
      name: path.replace(".", "tidemark"),
      page: path === "." ? "tidemark" : path.slice(2).replaceAll("/", "-"),
      declared: exportsOf(join(ROOT, String(types))),
    }));
}

const RUNS = new Set(["function", "class", "const"]);

function pageOf({ name, declared }: Entry): string {
  const sorted = [...declared].sort((a, b) => (a.name < b.name ? -1 : 1));
  const values = sorted.filter(({ kind }) => RUNS.has(kind));
  const types = sorted.filter(({ kind }) => !RUNS.has(kind));
  const parts = [`# ${name}\n`];
  if (declared.length === 0) parts.push("Nothing is imported from it: its file is given to a bundler.\n");
  parts.push(...values.map(section));
  if (types.length > 0) parts.push("## Types\n", ...types.map((type) => section(type).replace(/^##/, "###")));
  return parts.join("\n");
}

function section({ name, doc, code }: Declared): string {
  const [text, ...tags] = doc.split(/^@/m);
  const told = tags.map((tag) => {
    const [, kind, rest] = /^(\w+)\s*([\s\S]*)$/.exec(tag) as unknown as [string, string, string];
    if (kind === "example") return `\`\`\`ts\n${rest.trim()}\n\`\`\`\n`;
    if (kind === "module") return "";
    return `- *${kind}* ${prose(rest.trim())}\n`;
  });
  return [`## ${name}\n`, prose((text as string).trim()), "", "```ts", code, "```", "", ...told].join("\n");
}

/** Angle brackets outside code would be taken for HTML. */
function prose(text: string): string {
  return text.replaceAll(/(`[^`]*`)|</g, (all, code: string | undefined) => code ?? (all === "<" ? "&lt;" : all));
}

export function writeReference(): void {
  const all = entries();
  rmSync(TARGET, { recursive: true, force: true });
  mkdirSync(TARGET, { recursive: true });
  for (const entry of all) writeFileSync(join(TARGET, `${entry.page}.md`), pageOf(entry));
  const lines = all.map(({ name, page, declared }) => `- [${name}](${page}.md): ${declared.length} names`);
  const index = `# Reference\n\nWhat each entry of the package exports, with its docstrings.\n\n${lines.join("\n")}\n`;
  writeFileSync(join(TARGET, "index.md"), index);
}

if (process.argv[1] === import.meta.filename) writeReference();
