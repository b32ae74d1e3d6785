// The project's sources, parsed, for the tidy checks. A check is a function from sources to complaints,
// so that each can also be shown a source that breaks it.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path/posix";
import { fileURLToPath } from "node:url";
import { type ParseResult, parseSync, Visitor, type VisitorObject } from "vite";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface Import {
  readonly specifier: string;
  /** The imported file's path from the root; null for a package or a part of Node. */
  readonly target: string | null;
  readonly typeOnly: boolean;
}

export interface Source {
  readonly path: string;
  readonly text: string;
  readonly parsed: ParseResult;
  readonly imports: readonly Import[];
}

export const isTest = (path: string): boolean => path.endsWith(".test.ts") || path.startsWith("test/");

/** The folder that a file of src/ belongs to: `src/client/store/memory.ts` is of `client`. */
export const folderOf = (path: string): string => /^src\/([^/]+)\//.exec(path)?.[1] ?? "";

export function readSources(...folders: string[]): Source[] {
  return folders
    .flatMap((folder) => filesBelow(folder))
    .filter((path) => path.endsWith(".ts"))
    .map((path) => source(path, readFileSync(join(ROOT, path), "utf8")));
}

/** All files below a folder, as paths from the root; what is installed, built or hidden is left out. */
export function filesBelow(folder: string): string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) return entry.isFile() ? [path] : [];
    return entry.name.startsWith(".") || ["node_modules", "dist"].includes(entry.name) ? [] : filesBelow(path);
  });
}

export function source(path: string, text: string): Source {
  const parsed = parseSync(path, text, { lang: "ts" });
  if (parsed.errors.length > 0) throw new Error(`${path}: ${parsed.errors[0]?.message}`);
  return { path, text, parsed, imports: importsOf(path, parsed) };
}

export function visit(source: Source, visitor: VisitorObject): void {
  new Visitor(visitor).visit(source.parsed.program);
}

export function lineOf(source: Source, offset: number): number {
  return source.text.slice(0, offset).split("\n").length;
}

function importsOf(path: string, parsed: ParseResult): Import[] {
  const found: Import[] = [];
  const add = (specifier: string, typeOnly: boolean) =>
    found.push({ specifier, typeOnly, target: resolve(path, specifier) });

  new Visitor({
    ImportDeclaration: (node) => add(node.source.value, isTypeOnly(node)),
    ExportAllDeclaration: (node) => add(node.source.value, node.exportKind === "type"),
    ExportNamedDeclaration(node) {
      if (node.source !== null) add(node.source.value, node.exportKind === "type");
    },
    ImportExpression(node) {
      if (node.source.type === "Literal" && typeof node.source.value === "string") add(node.source.value, false);
    },
    TSImportType: (node) => add(node.source.value, true),
  }).visit(parsed.program);
  return found;
}

interface Kind {
  readonly importKind?: string | null | undefined;
}

function isTypeOnly(node: Kind & { readonly specifiers: readonly object[] }): boolean {
  if (node.importKind === "type") return true;
  return node.specifiers.length > 0 && node.specifiers.every((specifier: Kind) => specifier.importKind === "type");
}

function resolve(from: string, specifier: string): string | null {
  if (specifier.startsWith(".")) return relative(".", join(dirname(from), specifier));
  if (specifier !== "tidemark" && !specifier.startsWith("tidemark/")) return null;
  return exportedSources().get(specifier.replace(/^tidemark/, ".")) ?? null;
}

/** What package.json exports, as the sources that it is built from: `./server` is `src/server/index.ts`. */
export function exportedSources(): Map<string, string> {
  const { exports } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const entries = Object.entries<string | { default: string }>(exports);
  return new Map(
    entries.flatMap(([name, target]) => {
      if (typeof target === "string") return [];
      return [[name, target.default.replace("./dist/", "src/").replace(/\.js$/, ".ts")]];
    }),
  );
}
