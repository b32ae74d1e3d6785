import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Proxy } from "../../test/support/proxy.ts";
import { install } from "../peers/install.ts";
import type { Row } from "./script.ts";
import type { System } from "./system.ts";

const FOLDER = join(import.meta.dirname, "pouchdb-server");
const START_MS = 30_000;

interface Document {
  readonly _id: string;
  readonly _rev: string;
  readonly _conflicts?: readonly string[];
  readonly a: string;
  readonly b: string;
}

export const pouchdb: System = {
  title: "pouchdb-server 4.2 `--in-memory`, replicated both ways",
  async start(say) {
    await install(FOLDER, say);
    const servers = { a: await serve(), b: await serve() };
    const line = await Proxy.to(servers.a.url);
    const far = line.url(`${servers.a.url}/rows`);
    const ask = async <T>(side: "a" | "b", method: string, path: string, body?: unknown): Promise<T> => {
      const init = body === undefined ? {} : { body: JSON.stringify(body) };
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${servers[side].url}/${path}`, { method, headers, ...init });
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
      return (await response.json()) as T;
    };
    for (const side of ["a", "b"] as const) await ask(side, "PUT", "rows");
    const documents = async (side: "a" | "b") => {
      const path = "rows/_all_docs?include_docs=true&conflicts=true";
      return (await ask<{ rows: { doc: Document }[] }>(side, "GET", path)).rows.map(({ doc }) => doc);
    };
    /** One after the other, from `a` and to it, until a round brings nothing. */
    const replicate = async () => {
      for (let rounds = 1; ; rounds++) {
        let written = 0;
        for (const [source, target] of [
          [far, "rows"],
          ["rows", far],
        ]) {
          const { docs_written } = await ask<{ docs_written?: number }>("b", "POST", "_replicate", { source, target });
          written += docs_written ?? 0;
        }
        if (written === 0) return rounds;
      }
    };
    return {
      async seed(rows) {
        await ask("a", "POST", "rows/_bulk_docs", { docs: rows.map(({ id, ...row }) => ({ _id: id, ...row })) });
        await replicate();
      },
      apart: async () => {},
      async write(side, change) {
        if (change.op === "insert") {
          const { id, ...row } = change.row;
          await ask(side, "PUT", `rows/${id}`, row);
          return;
        }
        const held = await ask<Document>(side, "GET", `rows/${change.id}`);
        await ask(side, "PUT", `rows/${change.id}`, { ...held, [change.field]: change.value });
      },
      together: replicate,
      rows: async (side) => (await documents(side)).map(({ _id, a, b }): Row => ({ id: _id, a, b })),
      losers: async () => (await documents("a")).reduce((sum, { _conflicts = [] }) => sum + _conflicts.length, 0),
      bytes: () => line.passed.asked + line.passed.answered,
      async stop() {
        line.close();
        for (const { stop } of [servers.a, servers.b]) stop();
      },
    };
  },
};

async function serve(): Promise<{ url: string; stop(): void }> {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-pouchdb-"));
  const port = await freePort();
  const program = join(FOLDER, "node_modules/pouchdb-server/bin/pouchdb-server");
  const args = ["--in-memory", "--port", String(port), "--no-stdout-logs", "--no-color"];
  const child = spawn(process.execPath, [program, ...args], { cwd: folder, stdio: "ignore" });
  const url = `http://127.0.0.1:${port}`;
  const until = Date.now() + START_MS;
  while (!(await fetch(url).catch(() => null))?.ok) {
    if (Date.now() > until || child.exitCode !== null) throw new Error("pouchdb-server does not start");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const stop = () => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  return { url, stop };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
