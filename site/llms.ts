// The site's llms.txt: every page as Markdown, with its first paragraph.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PARTS } from "./pages.ts";

const DOCS = join(import.meta.dirname, "../docs");

export function llmsText(): string {
  const parts = PARTS.map(({ part, pages }) => {
    const lines = pages
      .filter(({ page }) => existsSync(join(DOCS, `${page}.md`)))
      .map(
        ({ page, title }) => `- [${title}](/${page}.md): ${firstOf(readFileSync(join(DOCS, `${page}.md`), "utf8"))}`,
      );
    return `## ${part}\n\n${lines.join("\n")}\n`;
  });
  return [`# Tidemark\n`, `> ${firstOf(readFileSync(join(DOCS, "index.md"), "utf8"))}\n`, ...parts].join("\n");
}

/** The first paragraph of a page, in one line, without its links. */
function firstOf(markdown: string): string {
  const paragraph = markdown.split(/\n{2,}/).find((each) => /^[\w*`"]/.test(each.trim())) ?? "";
  return paragraph
    .trim()
    .replaceAll("\n", " ")
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1");
}
