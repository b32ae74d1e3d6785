// The console's files, as a server gives them.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type Rolldown } from "vite";
import { describe, expect, onTestFinished, test } from "vitest";
import { withConsole } from "../../src/server/index.ts";
import { folderOf } from "../support/folder.ts";
import { SECRET, TestServer } from "../support/server.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A server that wants a token, with a console of these files. */
function served(
  files: Record<string, string> = { "index.html": "<!doctype html>", "assets/a-1.js": "x".repeat(5_000) },
) {
  const server = new TestServer({ auth: { jwtSecret: SECRET } });
  onTestFinished(() => server.server.close());
  const { handler } = withConsole(server.server, folderOf(files));
  return (path: string, init: RequestInit = {}) => handler(new Request(`http://localhost${path}`, init));
}

describe("the console's files", () => {
  test("[Y8] are for everybody, under any prefix, and nothing else is", async () => {
    const ask = served();
    for (const path of ["/console/", "/console/index.html", "/prefix/console/"]) {
      const response = await ask(path);
      expect([path, response.status, await response.text()]).toEqual([path, 200, "<!doctype html>"]);
    }
    const moved = await ask("/prefix/console");
    expect([moved.status, moved.headers.get("location")]).toEqual([308, "/prefix/console/"]);
    expect((await ask("/console/../../package.json")).status).toBe(404);
    expect((await ask("/console/%2e%2e/package.json")).status).toBe(404);
    expect((await ask("/console/none.js")).status).toBe(404);
    expect((await ask("/console/", { method: "POST" })).status).toBe(405);
    expect((await ask("/consoles")).headers.get("content-type")).toContain("problem+json");
    expect((await ask("/v1/spaces/acme/history/items/console")).status).toBe(401);
  });

  test("[Y8] come with a policy that lets in nothing but themselves, no frame, and no guessed type", async () => {
    const ask = served();
    for (const path of ["/console/", "/console/assets/a-1.js", "/console/none"]) {
      const { headers } = await ask(path);
      const policy = headers.get("content-security-policy") ?? "";
      expect(policy).not.toContain("unsafe");
      for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"])
        expect(policy).toContain(part);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
    }
  });

  test("[Y8] with a digest in their names are kept, the page is asked for; what is long is compressed for who takes it", async () => {
    const ask = served();
    expect((await ask("/console/")).headers.get("cache-control")).toBe("no-cache");
    const plain = await ask("/console/assets/a-1.js");
    expect(plain.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect([plain.headers.get("content-encoding"), (await plain.text()).length]).toEqual([null, 5_000]);
    const small = await ask("/console/assets/a-1.js", { headers: { "accept-encoding": "br, gzip" } });
    expect(small.headers.get("content-encoding")).toBe("gzip");
    expect((await small.arrayBuffer()).byteLength).toBeLessThan(200);
    const refused = await ask("/console/assets/a-1.js", { headers: { "accept-encoding": "gzip;q=0" } });
    expect(refused.headers.get("content-encoding")).toBe(null);
  });

  test("[Y8] that are not built are said to be so", async () => {
    const response = await served({})("/console/");
    expect([response.status, await response.text()]).toEqual([404, expect.stringContaining("npm run build")]);
  });
});

describe("the built console", () => {
  test("[Y8] is at most 150 kB gzipped, with nothing of its policy broken by the page itself", async () => {
    const root = join(ROOT, "console");
    const options = { configFile: join(root, "vite.config.ts"), root, logLevel: "error" as const };
    const { output } = (await build({ ...options, build: { write: false } })) as Rolldown.RolldownOutput;
    const texts = output.map((file) => (file.type === "chunk" ? file.code : String(file.source)));
    const size = texts.reduce((sum, text) => sum + gzipSync(text, { level: 9 }).length, 0);
    expect(size).toBeLessThan(150_000);
    const page = String(output.find(({ fileName }) => fileName === "index.html")?.["source" as never]);
    expect(page).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=/);
    expect(output.map(({ fileName }) => fileName).filter((name) => name.endsWith(".map"))).toEqual([]);
  });

  test("[Y8] is in the package, and nothing of its source", () => {
    const listed = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
      cwd: ROOT,
      encoding: "utf8",
    });
    const [{ files }] = JSON.parse(listed) as [{ files: { path: string }[] }];
    const paths = files.map(({ path }) => path);
    expect(paths).toContain("dist/console/index.html");
    expect(paths.filter((path) => /^dist\/console\/assets\/.*\.(js|css)$/.test(path)).length).toBe(2);
    expect(
      paths.filter((path) => path.startsWith("console/") || /^dist\/console\/.*(\.tsx?|\.map)$/.test(path)),
    ).toEqual([]);
    const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    expect(Object.keys(scripts).filter((name) => /^(pre|post)?install$/.test(name))).toEqual([]);
  });
});
