import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { WebSocketServer } from "ws";
import { record } from "../../records.ts";
import type { Row, StartServer } from "../work.ts";

export const start: StartServer = async ({ folder, records }) => {
  const db = new DatabaseSync(join(folder, "floor.db"));
  db.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE rows (id TEXT PRIMARY KEY, json TEXT)");
  const insert = db.prepare("INSERT OR REPLACE INTO rows VALUES (?, ?)");
  const count = db.prepare("SELECT count(*) AS n FROM rows WHERE id IN (SELECT value FROM json_each(?))");
  const copy = Buffer.from(JSON.stringify(Array.from({ length: records }, (_, i) => record(i))));
  let changes = Buffer.from("[]");

  const http = createServer(async (request, response) => {
    if (request.method === "GET") return response.end(request.url === "/copy" ? copy : changes);
    const body = await textOf(request);
    if (body !== "") {
      db.exec("BEGIN IMMEDIATE");
      for (const row of JSON.parse(body) as Row[]) insert.run(row.id, JSON.stringify(row));
      db.exec("COMMIT");
    }
    response.end("{}");
  });
  const { clients } = new WebSocketServer({ server: http, perMessageDeflate: false }).on("connection", (writer) => {
    writer.on("message", (data) => {
      for (const reader of clients) if (reader !== writer) reader.send(data, { binary: false });
    });
  });
  await new Promise<void>((ready) => http.listen(0, "127.0.0.1", ready));
  return {
    address: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    change: async (rows) => {
      changes = Buffer.from(JSON.stringify(rows.map(({ id, title, updated }) => ({ id, title, updated }))));
    },
    holds: async (ids) => Number(count.get(JSON.stringify(ids))?.["n"]),
  };
};

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
