/** A fenced block of a Markdown file that a test runs, with the output that follows it, if one does. */
export interface Snippet {
  readonly line: number;
  readonly language: "sh" | "ts";
  readonly code: string;
  /** What it prints; "…" stands for any text. Null: not shown. */
  readonly output: string | null;
}

export interface Block {
  readonly line: number;
  readonly info: string;
  readonly code: string;
  readonly end: number;
}

const OUTPUT = new Set(["json", "text", "ndjson"]);

/**
 * The snippets of a document in order. `sh` and `ts` blocks run; a block marked `sh elsewhere` is one that another
 * test runs (it starts a server, clones, or takes minutes); a `json`, `ndjson` or `text` block that follows a snippet
 * at once is its output.
 */
export function snippetsOf(markdown: string): Snippet[] {
  const blocks = blocksOf(markdown);
  const lines = markdown.split("\n");
  return blocks.flatMap((block, i): Snippet[] => {
    if (block.info !== "sh" && block.info !== "ts") return [];
    const next = blocks[i + 1];
    const follows =
      next !== undefined &&
      OUTPUT.has(next.info) &&
      lines.slice(block.end, next.line - 1).every((line) => line.trim() === "");
    return [{ line: block.line, language: block.info, code: block.code, output: follows ? next.code : null }];
  });
}

export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  const lines = markdown.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const opening = /^```(.*)$/.exec(lines[i] as string);
    if (opening === null) continue;
    const end = lines.indexOf("```", i + 1);
    blocks.push({
      line: i + 1,
      info: (opening[1] as string).trim(),
      code: lines.slice(i + 1, end).join("\n"),
      end: end + 1,
    });
    i = end;
  }
  return blocks;
}

/** Whether a text is what a document shows, where "…" stands for any text within a line, and a lone "…" line for any lines. */
export function shows(expected: string, actual: string): boolean {
  const pattern = expected
    .trim()
    .split("\n")
    .map((line) => (line.trim() === "…" ? "[\\s\\S]*" : line.trimEnd().split("…").map(escape).join(".*")))
    .join("\n");
  return new RegExp(`^${pattern}$`).test(actual.trim().replaceAll(/[ \t]+$/gm, ""));
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
