import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createIngest } from "tidemark/ingest";
import { type Config, createServer, type Listening, type Log, listen, type Server } from "tidemark/server";
import { openSqliteStore } from "tidemark/store/sqlite";
import { duckdbSink, openWarehouse } from "tidemark/warehouse";
import type { Page } from "../../tasks/server/page.ts";

export interface CustomersOptions {
  readonly port: number;
  /** Folder of the data. */
  readonly data: string;
  readonly page: Page;
  readonly config: Config;
  /** Milliseconds between two syncs of the warehouse. */
  readonly pause: number;
  readonly log: Log;
}

/** The server with what comes in, the page at the same address, and the warehouse that follows it. */
export async function serveCustomers(options: CustomersOptions): Promise<Listening> {
  const { port, data, page, config, log } = options;
  const store = openSqliteStore({ path: data });
  const incoming = createIngest({ store, config, folder: data, log });
  const server = createServer({ store, config, log: { ...log, info: () => {} }, routes: incoming.routes });
  const stop = new AbortController();
  try {
    await server.ready;
    const listening = await listen(withPage(server, page), { host: "127.0.0.1", port });
    incoming.start();
    const syncing = keepReports(listening.url, options, stop.signal);
    return {
      url: listening.url,
      async close() {
        stop.abort();
        await syncing;
        await incoming.close();
        await listening.close();
      },
    };
  } catch (error) {
    await incoming.close();
    await server.close();
    throw error;
  }
}

function withPage(server: Server, page: Page): Server {
  return { ...server, handler: async (request, context) => page(request) ?? server.handler(request, context) };
}

/**
 * Brings the warehouse up to date again and again. `tidemark serve` does the same by `schedule`; here it is done oftener. The
 * file is closed in between, as DuckDB lets in one process at a time.
 */
async function keepReports(url: string, { config, pause, log }: CustomersOptions, stop: AbortSignal): Promise<void> {
  const { duckdb = "", atoms, key } = config.warehouses?.["reports"] ?? {};
  const secret = typeof key === "function" ? key() : key;
  let last = -1;
  while (!stop.aborted) {
    await sleep(pause, undefined, { signal: stop }).catch(() => {});
    const head = await headOf(url).catch(() => last);
    if (stop.aborted) return;
    // Nothing has changed: the file is left to whoever asks it.
    if (head === last) continue;
    let warehouse: ReturnType<typeof openWarehouse> | null = null;
    try {
      warehouse = openWarehouse({ url, space: "main", sink: duckdbSink(duckdb), atoms, key: secret });
      const { revision, taken } = await warehouse.sync({ signal: stop });
      last = revision;
      if (taken > 0) log.info({ revision, taken }, "the reports were brought up to date");
    } catch (error) {
      // Somebody else has the file open: it is tried again.
      if (!stop.aborted) log.info({ cause: (error as Error).message }, "the reports wait");
    } finally {
      await warehouse?.close();
    }
  }
}

async function headOf(url: string): Promise<number> {
  const response = await fetch(`${url}/v1/spaces/main`);
  return ((await response.json()) as { revision: number }).revision;
}

/** Listens with a web-standard handler, on this machine. */
export async function listenWith(handler: (request: Request) => Promise<Response>, port: number): Promise<Listening> {
  const server = createHttpServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const { method = "GET", url = "/" } = incoming;
    const headers = Object.entries(incoming.headers).map(([name, value]): [string, string] => [name, String(value)]);
    const body = method === "GET" || method === "HEAD" ? {} : { body: Buffer.concat(chunks) };
    const response = await handler(new Request(`http://127.0.0.1${url}`, { method, headers, ...body }));
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    outgoing.end(Buffer.from(await response.arrayBuffer()));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
