import { createServer, type IncomingMessage, type Server } from "node:http";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fanOut } from "./fan-out.ts";
import { peakMemory, rested } from "./measure.ts";

/** What a benchmark's server tells of its own process. */
export interface ServerMemory {
  /** Bytes, after a collection. */
  readonly rss: number;
  readonly heap: number;
  /** Microseconds of processor time so far. */
  readonly cpu: number;
  readonly peak: number | null;
}

/** The server of the floors: gives back bodies that it was given, puts rows into SQLite, and tells sockets of them. */
export function bareServer(folder: string): Server {
  const bodies = new Map<string, Buffer>();
  const insert = rowsInto(join(folder, "floor.db"));
  let frame: Buffer = Buffer.alloc(0);
  const server = createServer(async (request, response) => {
    const path = request.url ?? "";
    if (request.method === "PUT" && path === "/frame") {
      frame = await bodyOf(request);
      response.end();
    } else if (request.method === "POST" && path === "/told") {
      insert(JSON.parse((await bodyOf(request)).toString()) as { id: string }[]);
      tell(frame);
      response.end("{}");
    } else if (request.method === "PUT") {
      bodies.set(path, await bodyOf(request));
      response.end();
    } else if (request.method === "POST") {
      insert(JSON.parse((await bodyOf(request)).toString()) as { id: string }[]);
      response.end("{}");
    } else if (path === "/memory") response.end(JSON.stringify(await memory()));
    else response.end(bodies.get(path) ?? "{}");
  });
  const tell = fanOut(server);
  return server;
}

/** Row by row into one transaction that is synced to the disk. */
function rowsInto(path: string): (rows: readonly { id: string }[]) => void {
  const db = new DatabaseSync(path);
  db.exec(
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE IF NOT EXISTS rows (id TEXT PRIMARY KEY, json TEXT)",
  );
  const insert = db.prepare("INSERT OR REPLACE INTO rows VALUES (?, ?)");
  return (rows) => {
    db.exec("BEGIN IMMEDIATE");
    for (const row of rows) insert.run(row.id, JSON.stringify(row));
    db.exec("COMMIT");
  };
}

async function memory(): Promise<ServerMemory> {
  // What one collection finds to close is closed before the next.
  for (let i = 0; i < 3; i++) await rested();
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return { rss, heap: heapUsed, cpu: user + system, peak: peakMemory() };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
