// Serves the data, and with --dev the page as Vite makes it, else the page as `npm run build` has made it.
import { existsSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { createServer, listen, type Server } from "tidemark/server";
import { openSqliteStore } from "tidemark/store/sqlite";
import { collections } from "./collections.ts";

const TYPES: Record<string, string> = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };
const port = Number(process.env.PORT ?? 5173);
const dev = process.argv.includes("--dev");

// Open to everybody on this machine, and to nobody else: before it listens elsewhere it needs `auth`.
const config = { spaces: ["main"], collections, auth: { open: true } };
const server = createServer({ store: openSqliteStore({ path: "data" }), config });
const host = "127.0.0.1";
const { url, close } = await listen(dev ? server : withPage(server), { host, port: dev ? 0 : port });
let stop = close;

if (dev) {
  const { createServer: createVite } = await import("vite");
  const proxy = { "/v1": { target: url, ws: true } };
  const vite = await createVite({ server: { host, port, strictPort: true, proxy } });
  await vite.listen();
  stop = async () => {
    await vite.close();
    await close();
  };
}
console.log(`the tasks are at http://${host}:${dev ? port : new URL(url).port}`);
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void stop());

function withPage(below: Server): Server {
  return {
    ...below,
    handler: async (request, context) => {
      const { pathname } = new URL(request.url);
      const known = /^\/(assets\/[\w.-]+)?$/.test(pathname);
      const file = join("dist", pathname === "/" ? "index.html" : pathname);
      if (!known || !existsSync(file)) return await below.handler(request, context);
      return new Response(readFileSync(file), { headers: { "content-type": TYPES[extname(file)] ?? "text/plain" } });
    },
  };
}
