import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const DOCUMENTS = join(import.meta.dirname, "../docs");

/** The text with what stands between the two marks of a section replaced. */
export function withSection(text: string, name: string, body: string): string {
  const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the document has no section between ${begin} and ${end}`);
  return `${text.slice(0, from + begin.length)}\n${body.trim()}\n${text.slice(to)}`;
}

/** Writes a section of a document in docs/ anew. */
export function writeSection(name: string, body: string, document = "performance.md"): void {
  const path = join(DOCUMENTS, document);
  writeFileSync(path, withSection(readFileSync(path, "utf8"), name, body));
}
