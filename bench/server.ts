import { createServer as createHttp, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { serve } from "@hono/node-server";
import { createServer, listen } from "tidemark/server";
import { openSqliteStore } from "tidemark/store/sqlite";
import { peakMemory } from "./measure.ts";

/** The server's side of the benchmark, a process of its own: Tidemark, and the bare server that shows the floor. */

const folder = process.argv[2] as string;
const store = openSqliteStore({ path: join(folder, "data") });
const tidemark = await listen(createServer({ store, config: { spaces: "open", collections: { tasks: {} } } }), {
  host: "127.0.0.1",
  port: 0,
});

const plain = new DatabaseSync(join(folder, "floor.db"));
plain.exec(
  "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE IF NOT EXISTS rows (id TEXT PRIMARY KEY, json TEXT)",
);
const insert = plain.prepare("INSERT OR REPLACE INTO rows VALUES (?, ?)");

const bodies = new Map<string, Buffer>();
const floor = createHttp(async (request, response) => {
  const path = request.url ?? "";
  if (request.method === "PUT") {
    bodies.set(path, await bodyOf(request));
    return response.end();
  }
  if (request.method === "POST") {
    plain.exec("BEGIN IMMEDIATE");
    for (const row of JSON.parse((await bodyOf(request)).toString()) as { id: string }[])
      insert.run(row.id, JSON.stringify(row));
    plain.exec("COMMIT");
    return response.end("{}");
  }
  response.end(bodies.get(path) ?? "{}");
});
const empty = serve({ fetch: () => new Response("{}"), hostname: "127.0.0.1", port: 0 });
await new Promise<void>((ready) => floor.listen(0, "127.0.0.1", ready));

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

process.on("message", () => process.send?.({ peak: peakMemory() }));
process.on("disconnect", () => process.exit(0));
const addressOf = (server: { address(): unknown }) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
process.send?.({ url: tidemark.url, floor: addressOf(floor), empty: addressOf(empty) });
