// The site: every page has its place, everything public has a docstring, and it builds with no link that leads nowhere.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { llmsText } from "../../site/llms.ts";
import { PARTS } from "../../site/pages.ts";
import { entries } from "../../site/reference.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const pages = readdirSync(join(ROOT, "docs"))
  .filter((name) => name.endsWith(".md") && name !== "index.md")
  .map((name) => name.replace(/\.md$/, ""));

describe("the sidebar", () => {
  const listed = PARTS.flatMap((part) => part.pages.map(({ page }) => page));

  it.each(pages)("has docs/%s.md", (page) => {
    expect(listed, `add { page: "${page}", title: "…" } to a part in site/pages.ts`).toContain(page);
  });

  it("names each page once", () => {
    expect(listed.filter((page, i) => listed.indexOf(page) !== i)).toEqual([]);
  });
});

it.each(pages)("llms.txt says what docs/%s.md is about", (page) => {
  expect(llmsText()).toMatch(new RegExp(`^- \\[[^\\]]+\\]\\(/${page}\\.md\\): \\S.{20}`, "m"));
});

it.each(pages)("the README, or a page that it links to, leads to docs/%s.md", (page) => {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  expect(readme, `add a line for docs/${page}.md to the README's "Documents"`).toContain(`(docs/${page}.md)`);
});

describe("the reference", () => {
  const all = entries();

  it.each(all.map(({ name }) => name))("%s: every function, class and constant has a docstring", (name) => {
    const declared = all.find((entry) => entry.name === name)?.declared ?? [];
    const silent = declared.filter(({ kind, doc }) => ["function", "class", "const"].includes(kind) && doc === "");
    expect(silent.map((each) => each.name)).toEqual([]);
  });

  it.each(["tidemark/client", "tidemark/server", "tidemark/ingest", "tidemark/react", "tidemark/testing"])(
    "%s: everything that it exports is found",
    async (name) => {
      const { default: path } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).exports[
        name.replace("tidemark", ".")
      ];
      const exported = Object.keys(await import(join(ROOT, path))).filter((each) => each !== "default");
      const declared = all.find((entry) => entry.name === name)?.declared.map((each) => each.name) ?? [];
      expect(exported.filter((each) => !declared.includes(each))).toEqual([]);
    },
  );
});

describe("the site", () => {
  const dist = join(ROOT, "site/dist");

  beforeAll(() => {
    const run = (args: string[]) =>
      spawnSync(process.execPath, args, {
        cwd: ROOT,
        encoding: "utf8",
        env: { ...process.env, NODE_ENV: "production" },
      });
    const reference = run(["site/reference.ts"]);
    expect(reference.status, reference.stderr).toBe(0);
    const built = run(["node_modules/vitepress/bin/vitepress.js", "build", "site"]);
    expect(built.status, `${built.stdout}\n${built.stderr}`).toBe(0);
  }, 300_000);

  it("has every page, and each as Markdown", () => {
    const missing = pages
      .flatMap((page) => [`${page}.html`, `${page}.md`])
      .filter((name) => !existsSync(join(dist, name)));
    expect(missing).toEqual([]);
    expect(readFileSync(join(dist, "llms.txt"), "utf8")).toBe(llmsText());
  });

  it("has a page of the reference for each entry", () => {
    expect(entries().filter(({ page }) => !existsSync(join(dist, "reference", `${page}.html`)))).toEqual([]);
  });

  it("has every heading that a link of a page leads to", () => {
    const dead = pages.flatMap((page) => {
      const text = readFileSync(join(ROOT, "docs", `${page}.md`), "utf8").replaceAll(/```[\s\S]*?```/g, "");
      return [...text.matchAll(/\]\(([\w-]+)?(?:\.md)?#([^)]+)\)/g)]
        .filter(([, to = page, id]) => !readFileSync(join(dist, `${to}.html`), "utf8").includes(` id="${id}"`))
        .map(([link]) => `${page}.md ${link}`);
    });
    expect(dead).toEqual([]);
  });

  it("loads nothing from elsewhere", () => {
    const html = readFileSync(join(dist, "start.html"), "utf8");
    const loaded = [...html.matchAll(/<(?:script|link|img)[^>]+(?:src|href)="([^"]+)"/g)].map((match) =>
      String(match[1]),
    );
    expect(loaded.length).toBeGreaterThan(2);
    expect(loaded.filter((address) => /^(https?:)?\/\//.test(address))).toEqual([]);
  });
});
