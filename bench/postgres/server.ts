import { createServer as createHttpServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import postgres from "postgres";
import { type Config, createServer, listen } from "tidemark/server";
import { openPostgresStore } from "tidemark/store/postgres";
import { openSqliteStore } from "tidemark/store/sqlite";
import { rested } from "../measure.ts";
import { type BareRow, insertRows, plain } from "./bare.ts";

/** One server of the PostgreSQL benchmark, a process of its own. */

export interface Served {
  readonly url: string;
  /** Tells of the process, and, on PostgreSQL, puts rows into a bare table, those that wait together. */
  readonly told: string;
}

export interface Serve {
  /** An address of PostgreSQL with a schema, or a folder for SQLite. */
  readonly data: string;
  readonly adopt?: Config["adopt"];
}

/** What a server tells of its process. */
export interface Told {
  /** Microseconds of processor time so far. */
  readonly cpu: number;
  /** Bytes. */
  readonly rss: number;
}

const { data, adopt } = JSON.parse(process.argv[2] as string) as Serve;
const onPostgres = data.startsWith("postgres");
const store = onPostgres ? await openPostgresStore({ url: data }) : openSqliteStore({ path: data });
const server = createServer({ store, config: { spaces: "open", collections: { tasks: {} }, ...(adopt && { adopt }) } });
const { url } = await listen(server, { host: "127.0.0.1", port: 0 });
const told = await addressOf(telling());
process.on("disconnect", () => process.exit(0));
process.send?.({ url, told } satisfies Served);

function telling(): Server {
  const insert = onPostgres ? batched(postgres(plain(data), { max: 1 })) : null;
  return createHttpServer(async (request, response) => {
    if (request.method === "POST") await insert?.(JSON.parse(await bodyOf(request)) as BareRow);
    else if (request.url === "/rested") await rested();
    const { user, system } = process.cpuUsage();
    const text = JSON.stringify({ cpu: user + system, rss: process.memoryUsage.rss() } satisfies Told);
    response.setHeader("content-length", text.length).end(text);
  });
}

/** Rows that wait when a commit begins share it. */
function batched(sql: postgres.Sql): (row: BareRow) => Promise<void> {
  let waiting: { row: BareRow; done: () => void }[] = [];
  let working = false;
  const work = async () => {
    working = true;
    while (waiting.length > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      const batch = waiting;
      waiting = [];
      await insertRows(
        sql,
        batch.map(({ row }) => row),
      );
      for (const { done } of batch) done();
    }
    working = false;
  };
  return (row) =>
    new Promise((done) => {
      waiting.push({ row, done });
      if (!working) void work();
    });
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function addressOf(http: Server): Promise<string> {
  await new Promise<void>((ready) => http.listen(0, "127.0.0.1", ready));
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}
