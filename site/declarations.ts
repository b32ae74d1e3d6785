// Reads what the compiler wrote into a .d.ts file: a declaration begins at the beginning of a line, and its docstring
// stands before it. The files are the compiler's, so nothing else has to be understood.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface Declared {
  readonly name: string;
  readonly kind: "function" | "class" | "const" | "interface" | "type";
  /** The text of the docstring, without its stars; empty where there is none. */
  readonly doc: string;
  readonly code: string;
}

/** Everything that a declaration file exports, followed to where it is declared. */
export function exportsOf(path: string): Declared[] {
  const { declared, text } = read(path);
  const found = new Map<string, Declared>();
  const add = (each: Declared) => found.set(each.name, each);
  for (const each of declared.values()) if (each.exported) add(withoutFlag(each));
  for (const [, , from] of text.matchAll(/^export \* (as \w+ )?from "([^"]+)";$/gm))
    for (const each of exportsOf(fileOf(path, from as string))) add(each);
  for (const [, names, from] of text.matchAll(/^export (?:type )?\{([^}]*)\}(?: from "([^"]+)")?;$/gm))
    for (const [name, as] of listed(names as string)) {
      const each = from === undefined ? own(declared, path, text, name) : resolved(fileOf(path, from), name);
      if (each !== null) add({ ...each, name: as });
    }
  return [...found.values()];
}

function resolved(path: string, name: string): Declared | null {
  return exportsOf(path).find((each) => each.name === name) ?? null;
}

function own(declared: Map<string, Found>, path: string, text: string, name: string): Declared | null {
  const here = declared.get(name);
  if (here !== undefined) return withoutFlag(here);
  for (const [, names, from] of text.matchAll(/^import (?:type )?\{([^}]*)\} from "(\.[^"]+)";$/gm))
    for (const [imported, as] of listed(names as string))
      if (as === name) return resolved(fileOf(path, from as string), imported);
  return null;
}

function listed(names: string): [name: string, as: string][] {
  return names
    .split(",")
    .map((each) => each.trim().replace(/^type /, ""))
    .filter((each) => each !== "")
    .map((each) => {
      const [name, as = name] = each.split(" as ");
      return [name as string, as as string];
    });
}

function fileOf(path: string, from: string): string {
  return join(dirname(path), from.replace(/\.(ts|js)$/, ".d.ts"));
}

interface Found extends Declared {
  readonly exported: boolean;
}

const withoutFlag = ({ exported: _, ...rest }: Found): Declared => rest;

const BEGINS = /^(export )?(?:declare )?(?:abstract )?(function|class|const|interface|type) (\w+)/;

function read(path: string): { declared: Map<string, Found>; text: string } {
  const text = readFileSync(path, "utf8").replaceAll("\r\n", "\n");
  const lines = text.split("\n");
  const declared = new Map<string, Found>();
  let doc = "";
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as string;
    if (line.startsWith("/**")) {
      const end = lines.findIndex((each, at) => at >= i && each.includes("*/"));
      doc = docOf(lines.slice(i, end + 1).join("\n"));
      i = end;
      continue;
    }
    const begins = BEGINS.exec(line);
    if (begins !== null) {
      let end = i;
      while (end < lines.length - 1 && /^[\s})]|^$|^\/\*/.test(lines[end + 1] as string) && !closed(lines, i, end))
        end++;
      const code = lines
        .slice(i, end + 1)
        .join("\n")
        .replace(/^export (declare )?/, "");
      const [, exported, kind, name] = begins as unknown as [string, string | undefined, Declared["kind"], string];
      const before = declared.get(name);
      declared.set(name, {
        name,
        kind,
        doc: before === undefined || before.doc === "" ? doc : before.doc,
        code: before === undefined ? code : `${before.code}\n${code}`,
        exported: exported !== undefined || before?.exported === true,
      });
      i = end;
      if (kind === "const")
        for (const other of others(code)) declared.set(other, { ...(declared.get(name) as Found), name: other });
    }
    doc = "";
  }
  return { declared, text };
}

/** The names beside the first one that one `const` declares: those at the outermost level. */
function others(code: string): string[] {
  const names: string[] = [];
  let depth = 0;
  for (const [token, name] of code.replaceAll("=>", "").matchAll(/[{(<[]|[})>\]]|, (\w+):/g)) {
    if (name !== undefined) {
      if (depth === 0) names.push(name);
    } else depth += "{(<[".includes(token) ? 1 : -1;
  }
  return names;
}

/** Whether the lines from one to the other are a whole declaration: every bracket that opens closes. */
function closed(lines: readonly string[], from: number, to: number): boolean {
  const code = lines
    .slice(from, to + 1)
    .join("\n")
    .replaceAll(/\/\*[\s\S]*?\*\/|"[^"\n]*"|`[^`]*`/g, "");
  const open = (code.match(/[{([]/g) ?? []).length - (code.match(/[})\]]/g) ?? []).length;
  return open === 0 && /[;}]\s*$/.test(code);
}

function docOf(comment: string): string {
  return comment
    .replace(/^\/\*\*\s?/, "")
    .replace(/\s*\*\/$/, "")
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, ""))
    .join("\n")
    .trim();
}
