// The first copy of a link beside a client that copies the same into SQLite: how long each takes, how long the event loop of
// the linked server was not free at a time, and how much memory it took. Run: npx node bench/first-copy.ts [records]
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { sqliteStore } from "tidemark/client/sqlite";
import { startLinks } from "tidemark/peer";
import { createServer, listen } from "tidemark/server";
import { openSqliteStore } from "tidemark/store/sqlite";
import { copied } from "./replica.ts";

interface Options {
  readonly path: string;
  readonly upstream?: string;
  readonly client?: string;
}

interface Figures {
  /** Seconds until all is there, and the fingerprint is that of upstream. */
  readonly seconds: number;
  /** The longest that the event loop was not free, in milliseconds. */
  readonly longest: number;
  /** The greatest size of the process, in MiB. */
  readonly memory: number;
}

if (process.argv[2] === "run") await running(JSON.parse(process.argv[3] as string));
else await compared(Number(process.argv[2] ?? 100_000));

async function running(options: Options): Promise<void> {
  process.on("disconnect", () => process.exit(0));
  const loop = monitorEventLoopDelay({ resolution: 5 });
  loop.enable();
  const figures = (ms: number): Figures => ({
    seconds: ms / 1_000,
    longest: loop.max / 1e6,
    memory: process.resourceUsage().maxRSS / 1_024,
  });
  if (options.client !== undefined) {
    const { checked } = await copied({ url: options.client, space: "acme" }, sqliteStore({ path: options.path }));
    process.send?.(figures(checked));
    return;
  }
  const url = options.upstream;
  const links = url === undefined ? {} : { links: { acme: { up: { url } } } };
  const server = createServer({
    store: openSqliteStore({ path: options.path }),
    config: { auth: { open: true }, spaces: "open", limits: { rate: false }, ...links },
    links: startLinks,
  });
  const began = performance.now();
  const listening = await listen(server, { host: "127.0.0.1", port: 0 });
  if (url === undefined) return void process.send?.({ url: listening.url });
  const fingerprint = async (at: string) => {
    const response = await fetch(`${at}/v1/spaces/acme?scope=*`);
    return response.ok ? JSON.stringify(((await response.json()) as { scopes: object }).scopes) : null;
  };
  const wanted = await fingerprint(url);
  const here = async () =>
    (await (await fetch(`${listening.url}/v1/spaces/acme/links/up`)).json()) as { revision: number };
  while ((await here()).revision === 0) await new Promise((resolve) => setTimeout(resolve, 50));
  if ((await fingerprint(listening.url)) !== wanted) throw new Error("the copy is not what is upstream");
  process.send?.(figures(performance.now() - began));
}

async function started<T>(options: Options) {
  const child = fork(import.meta.filename, ["run", JSON.stringify(options)]);
  const [told] = (await once(child, "message")) as [T];
  return { told, child };
}

async function compared(records: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-first-copy-"));
  const above = await started<{ url: string }>({ path: join(folder, "above") });
  const { url } = above.told;
  for (let at = 0, id = 1; at < records; at += 1_000, id++) {
    const writes = Array.from({ length: Math.min(1_000, records - at) }, (_, i) => {
      const record = { id: `r${at + i}`, title: `record ${at + i}`, text: "x".repeat(150), n: i };
      return { op: "insert", collection: "items", record };
    });
    const init = { method: "POST", headers: { "content-type": "application/json" } };
    const body = JSON.stringify({ client: "seed", mutations: [{ id, base: 0, writes }] });
    const response = await fetch(`${url}/v1/spaces/acme/push`, { ...init, body });
    if (!response.ok) throw new Error(await response.text());
  }
  const runs = {
    client: { client: url, path: join(folder, "client") },
    link: { upstream: url, path: join(folder, "below") },
  };
  for (const [name, options] of Object.entries(runs)) {
    const { told, child } = await started<Figures>(options);
    child.disconnect();
    await once(child, "exit");
    const { seconds, longest, memory } = told;
    console.log(
      `${name}: ${records} records in ${seconds.toFixed(1)} s, event loop taken ${longest.toFixed(0)} ms at a time at most, ${memory.toFixed(0)} MiB`,
    );
  }
  above.child.disconnect();
  rmSync(folder, { recursive: true, force: true });
}
