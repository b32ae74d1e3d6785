import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { createServer, listen } from "tidemark/server";
import { openSqliteStore } from "tidemark/store/sqlite";
import { bareServer } from "./bare-server.ts";

/** The server's side of the benchmarks, a process of its own: Tidemark, and the bare servers that show the floors. */

const folder = process.argv[2] as string;
const store = openSqliteStore({ path: join(folder, "data") });
const parts = { scopes: (record: { readonly part?: unknown }) => [String(record.part)] };
const tidemark = await listen(createServer({ store, config: { spaces: "open", collections: { tasks: {}, parts } } }), {
  host: "127.0.0.1",
  port: 0,
});

// The address ends in /hold where the caller wants to be kept waiting.
const never = new Promise<Response>(() => {});
const empty = createAdaptorServer({
  fetch: (request) => (request.url.endsWith("/hold") ? never : new Response("{}")),
}) as Server;
const floor = bareServer(folder);

process.on("disconnect", () => process.exit(0));
process.send?.({ url: tidemark.url, floor: await addressOf(floor), empty: await addressOf(empty) });

async function addressOf(server: Server): Promise<string> {
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
