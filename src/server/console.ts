import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { Server } from "./server.ts";

const TYPES: { readonly [extension: string]: string } = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  vary: "accept-encoding",
};

const UNBUILT =
  "The console is not built: run `npm run build` in the sources of tidemark. The package from the registry has it.\n";

interface File {
  readonly type: string;
  readonly body: Buffer<ArrayBuffer>;
  gzipped: Buffer<ArrayBuffer> | null;
}

type Files = ReadonlyMap<string, File>;

/**
 * A server with the console under `/console`, or under a prefix and `/console` (Y8). The page holds no data: what it shows
 * it asks the server for, with the token of whoever looks.
 * - `folder`: of the built console, where it is not the package's own.
 *
 * @example
 * const { url } = await listen(withConsole(createServer({ store, config })), { port: 4848 });
 */
export function withConsole(server: Server, folder?: string): Server {
  let files: Files | null = null;
  const page = (request: Request): Response | null => {
    const { pathname } = new URL(request.url);
    const begin = pathname.lastIndexOf("/console");
    const path = pathname.slice(begin + "/console".length);
    // An address of Tidemark's own may end so, as a record's history does.
    if (begin < 0 || pathname.includes("/v1/") || (path !== "" && !path.startsWith("/"))) return null;
    if (path === "") return new Response(null, { status: 308, headers: { location: `${pathname}/`, ...HEADERS } });
    files ??= filesIn(folder ?? built());
    return answer(request, path === "/" ? "/index.html" : path, files);
  };
  return { ...server, handler: async (request, context) => page(request) ?? server.handler(request, context) };
}

/** Beside the compiled server, or in `dist` beside its sources. */
function built(): string {
  const places = ["../console/", "../../dist/console/"].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  return places.find((place) => existsSync(join(place, "index.html"))) ?? (places[0] as string);
}

function filesIn(folder: string): Files {
  const files = new Map<string, File>();
  if (!existsSync(folder)) return files;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const type = TYPES[extname(entry.name)];
    if (!entry.isFile() || type === undefined) continue;
    const path = join(entry.parentPath, entry.name);
    const name = `/${path.slice(folder.length).replaceAll("\\", "/").replace(/^\/+/, "")}`;
    files.set(name, { type, body: readFileSync(path), gzipped: null });
  }
  return files;
}

function answer(request: Request, name: string, files: Files): Response {
  const plain = { ...HEADERS, "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
  if (request.method !== "GET" && request.method !== "HEAD")
    return new Response("this address is read only\n", { status: 405, headers: { ...plain, allow: "GET, HEAD" } });
  const file = files.get(name);
  if (file === undefined)
    return new Response(files.size === 0 ? UNBUILT : "there is nothing at this address\n", {
      status: 404,
      headers: plain,
    });
  const small = file.body.length < 1_024;
  const gzip = !small && takesGzip(request);
  if (gzip) file.gzipped ??= gzipSync(file.body, { level: 9 });
  const body = gzip ? file.gzipped : file.body;
  return new Response(request.method === "HEAD" ? null : body, {
    headers: {
      ...HEADERS,
      "content-type": file.type,
      ...(gzip && { "content-encoding": "gzip" }),
      // The names of these hold a digest of what is in them.
      "cache-control": name.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache",
    },
  });
}

function takesGzip(request: Request): boolean {
  return /\bgzip\b(?!\s*;\s*q=0(\.0*)?\b)/i.test(request.headers.get("accept-encoding") ?? "");
}
