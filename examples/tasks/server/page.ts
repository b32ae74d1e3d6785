import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const own = fileURLToPath(new URL("..", import.meta.url));

const TYPES: { readonly [extension: string]: string } = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

const HEADERS = {
  "content-security-policy":
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

/** Answers a request for one of the page's files, and gives null for any other. */
export type Page = (request: Request) => Response | null;

/** Builds the page in `root`, by default this one, beside its sources where no other folder is named, and keeps it in memory. */
export async function builtPage(outDir = join(own, "dist"), root = own): Promise<Page> {
  await build({
    root,
    configFile: join(root, "vite.config.ts"),
    logLevel: "warn",
    build: { outDir, emptyOutDir: true },
  });
  const files = new Map<string, Buffer<ArrayBuffer>>();
  for (const entry of readdirSync(outDir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(path.slice(outDir.length).replaceAll("\\", "/"), readFileSync(path));
  }
  return (request) => {
    const { pathname } = new URL(request.url);
    const name = pathname === "/" ? "/index.html" : pathname;
    const body = files.get(name);
    if (body === undefined || (request.method !== "GET" && request.method !== "HEAD")) return null;
    const kept = name.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache";
    const type = TYPES[extname(name)] ?? "application/octet-stream";
    return new Response(request.method === "HEAD" ? null : body, {
      headers: { ...HEADERS, "content-type": type, "cache-control": kept },
    });
  };
}
