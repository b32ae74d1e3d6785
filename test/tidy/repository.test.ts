// The repository around the code: documents, the package and its lockfile.
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { exportedSources, filesBelow, ROOT } from "./source.ts";

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const manifests = ["package.json", ...filesBelow("examples"), ...filesBelow("bench")].filter((path) =>
  path.endsWith("package.json"),
);

describe("documents", () => {
  const documents = filesBelow(".").filter((path) => path.endsWith(".md"));

  test("every relative link leads to a file", () => {
    expect(documents.flatMap((path) => deadLinks(path, read(path)))).toEqual([]);
  });

  test("the check finds dead links, and leaves code and addresses alone", () => {
    const text =
      "[a](nowhere.md) [b](../README.md#x) [c](https://x.test/y) [d](#here) `[e](gone.md)`\n\n[f]: ./gone.md\n";
    const fenced = "```sh\n[g](gone.md)\n```\n";
    expect(deadLinks("docs/x.md", text + fenced)).toEqual(["docs/x.md -> nowhere.md", "docs/x.md -> ./gone.md"]);
  });
});

describe("the package", () => {
  test("everything that is exported has a source", () => {
    expect([...exportedSources().values()].filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  test("the compiler resolves tidemark/* to the sources that package.json exports", () => {
    const { paths } = JSON.parse(read("tsconfig.json")).compilerOptions;
    const expected = [...exportedSources()].map(([name, path]) => [name.replace(".", "tidemark"), [`./${path}`]]);
    expect(Object.entries(paths)).toEqual(expected);
  });

  test("every version is exact, but of a peer, which is the user's", () => {
    const loose = manifests.flatMap((path) => {
      const { dependencies, devDependencies } = JSON.parse(read(path));
      return Object.entries<string>({ ...dependencies, ...devDependencies })
        .filter(([, version]) => !/^(\d+\.\d+\.\d+(-[\w.]+)?|file:[./]+)$/.test(version))
        .map(([name, version]) => `${path}: ${name} ${version}`);
    });
    expect(loose).toEqual([]);
  });

  test("a peer is optional, and developed against in one exact version", () => {
    const { peerDependencies, peerDependenciesMeta, devDependencies } = JSON.parse(read("package.json"));
    for (const name of Object.keys(peerDependencies)) {
      expect(peerDependenciesMeta[name]).toEqual({ optional: true });
      expect(devDependencies).toHaveProperty([name]);
    }
  });

  test("nothing that is published runs a script when it is installed", () => {
    const { packages } = JSON.parse(read("package-lock.json"));
    const scripted = Object.entries<{ dev?: boolean; hasInstallScript?: boolean }>(packages)
      .filter(([path, entry]) => path.startsWith("node_modules/") && entry.hasInstallScript && !entry.dev)
      .map(([path]) => path);
    expect(scripted).toEqual([]);
  });

  test("the lockfile names no registry", () => {
    const { packages } = JSON.parse(read("package-lock.json"));
    const hosts = Object.entries<{ resolved?: string }>(packages).filter(([, entry]) =>
      /^[a-z+]+:\/\//.test(entry.resolved ?? ""),
    );
    expect(hosts).toEqual([]);
  });

  test("the program may be executed", () => {
    expect(statSync(join(ROOT, "bin/tidemark.mjs")).mode & 0o111).toBe(0o111);
  });
});

function deadLinks(path: string, text: string): string[] {
  const prose = text.replace(/^(```|~~~)[\s\S]*?^\1/gm, "").replace(/`[^`\n]*`/g, "");
  const links = [...prose.matchAll(/\]\(([^)\s]+)[^)]*\)/g), ...prose.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm)];
  return links
    .map((match) => String(match[1]))
    .filter((link) => !/^([a-z]+:|#|\/)/.test(link))
    .filter((link) => !existsSync(join(ROOT, dirname(path), decodeURIComponent(link.replace(/#.*$/, "")))))
    .map((link) => `${path} -> ${link}`);
}
