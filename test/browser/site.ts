// A page made from the sources, served on this machine.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { build, type Rolldown } from "vite";
import { onTestFinished } from "vitest";
import { exportedSources } from "../tidy/source.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const built = new Map<string, Promise<ReadonlyMap<string, string | Uint8Array>>>();

const alias = [...exportedSources()].map(([name, path]) => ({
  find: new RegExp(`^${name.replace(".", "tidemark")}$`),
  replacement: join(ROOT, path),
}));

/** What a browser is given, by path. */
async function files(name: string): Promise<ReadonlyMap<string, string | Uint8Array>> {
  const result = await build({
    configFile: false,
    logLevel: "silent",
    root: join(ROOT, "test/browser/pages"),
    resolve: { alias },
    build: {
      write: false,
      target: "es2022",
      minify: false,
      modulePreload: false,
      rollupOptions: { input: join(ROOT, `test/browser/pages/${name}.ts`), output: { entryFileNames: "page.js" } },
    },
  });
  const page = '<!doctype html><title>A page</title><script type="module" src="/page.js"></script>';
  return new Map([["/", page], ...filesOf(result as Rolldown.RolldownOutput)]);
}

/** What a build has made, by path. */
export function filesOf(result: Rolldown.RolldownOutput): [path: string, content: string | Uint8Array][] {
  return result.output.map((each) => [`/${each.fileName}`, each.type === "chunk" ? each.code : each.source]);
}

/** The address of a page of `pages/`, for the test's time. */
export async function site(name: string): Promise<string> {
  const making = built.get(name) ?? files(name);
  built.set(name, making);
  return await served(await making);
}

/** The address of files, by path, for the test's time. */
export async function served(content: ReadonlyMap<string, string | Uint8Array>): Promise<string> {
  const server = createServer((request, response) => {
    const body = content.get(new URL(request.url ?? "/", "http://localhost").pathname);
    const type = request.url?.endsWith(".js")
      ? "text/javascript"
      : request.url?.endsWith(".wasm")
        ? "application/wasm"
        : "text/html";
    response.writeHead(body === undefined ? 404 : 200, { "content-type": type }).end(body);
  });
  return await listening(server);
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

type Method = (...args: never[]) => unknown;

/** What a page offers to its test, called from outside; arguments and results are JSON. */
export function remote<Api>(page: Page) {
  return async <N extends keyof Api & string>(
    name: N,
    ...args: Api[N] extends Method ? Parameters<Api[N]> : never
  ): Promise<Api[N] extends Method ? Awaited<ReturnType<Api[N]>> : never> => {
    await page.waitForFunction(() => "api" in globalThis);
    return await page.evaluate(
      async ([method, given]) => {
        const { api } = globalThis as unknown as { api: Record<string, (...args: unknown[]) => unknown> };
        return (await api[method as string]?.(...(given as unknown[]))) as never;
      },
      [name, args] as const,
    );
  };
}
