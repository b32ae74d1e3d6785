import { copyFileSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { defineConfig, type MarkdownRenderer } from "vitepress";
import { llmsText } from "../llms.ts";
import { PARTS } from "../pages.ts";
import { entries } from "../reference.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const DOCS = join(ROOT, "docs");

const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#0a6a80"/><path d="M3 5h10M3 8h7M3 11h10" stroke="#fff" stroke-width="1.6"/></svg>';

// Links between pages are checked: one that leads nowhere ends the build.
export default defineConfig({
  title: "Tidemark",
  description: "Client-server data synchronisation: a journal of numbered revisions, and replicas that follow it",
  lang: "en",
  head: [["link", { rel: "icon", href: `data:image/svg+xml,${encodeURIComponent(ICON)}` }]],
  srcDir: "../docs",
  outDir: join(ROOT, "site/dist"),
  cacheDir: join(ROOT, "site/.cache"),
  ignoreDeadLinks: "localhostLinks",
  // Its esbuild is older than the target of the repository's tsconfig.json.
  vite: {
    build: { chunkSizeWarningLimit: 2_000 },
    esbuild: { tsconfigRaw: { compilerOptions: { target: "es2022" } } },
  },
  markdown: { config: leaveTheSite, languageAlias: { ndjson: "json" } },
  themeConfig: {
    nav: [
      { text: "Start", link: "/start" },
      { text: "Concepts", link: "/concepts" },
      { text: "Reference", link: "/reference/" },
    ],
    sidebar: [
      ...PARTS.map(({ part, pages }) => ({
        text: part,
        items: pages
          .filter(({ page }) => existsSync(join(DOCS, `${page}.md`)))
          .map(({ page, title }) => ({ text: title, link: `/${page}` })),
      })),
      {
        text: "Reference",
        collapsed: true,
        items: entries().map(({ name, page }) => ({ text: name, link: `/reference/${page}` })),
      },
    ],
    outline: [2, 3],
    search: { provider: "local" },
  },
  buildEnd({ outDir }) {
    for (const name of readdirSync(DOCS).filter((each) => each.endsWith(".md")))
      copyFileSync(join(DOCS, name), join(outDir, name));
    writeFileSync(join(outDir, "llms.txt"), llmsText());
  },
});

/** A link that leaves docs/ leads into the repository, of which the site holds no copy: the reader is told the file. */
function leaveTheSite(md: MarkdownRenderer): void {
  md.core.ruler.push("repository", ({ tokens, env }) => {
    for (const { children } of tokens) {
      let leaves = false;
      for (const token of children ?? []) {
        if (token.type === "link_open") {
          const href = token.attrGet("href") ?? "";
          const file = resolve(dirname(String(env.path)), href.replace(/[#?].*$/, ""));
          leaves = href.startsWith("..") && relative(DOCS, file).startsWith("..");
          if (!leaves) continue;
          if (!existsSync(file)) throw new Error(`${relative(ROOT, String(env.path))}: ${href} leads nowhere`);
          token.type = "span_open";
          token.tag = "span";
          token.attrs = [["title", `${relative(ROOT, file)} in the repository`]];
        } else if (token.type === "link_close" && leaves) {
          token.type = "span_close";
          token.tag = "span";
          leaves = false;
        }
      }
    }
  });
}
