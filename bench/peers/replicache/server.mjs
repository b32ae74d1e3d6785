import { createServer } from "node:http";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { record } from "../../records.ts";

/** An endpoint in the row-version strategy of Replicache's documents: one version for all, each row with the last that touched it. */
export async function start({ folder, records }) {
  const db = new DatabaseSync(join(folder, "replicache.db"));
  db.exec(`
    PRAGMA journal_mode=WAL;
    PRAGMA synchronous=FULL;
    CREATE TABLE rows (id TEXT PRIMARY KEY, version INTEGER, json TEXT);
    CREATE INDEX rows_by_version ON rows (version);
    CREATE TABLE clients (id TEXT PRIMARY KEY, grp TEXT, last INTEGER, version INTEGER);
  `);
  const put = db.prepare(
    "INSERT INTO rows VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET version = excluded.version, json = excluded.json",
  );
  const since = db.prepare("SELECT id, json FROM rows WHERE version > ?");
  const lasts = db.prepare("SELECT id, last FROM clients WHERE grp = ? AND version > ?");
  const lastOf = db.prepare("SELECT last FROM clients WHERE id = ?");
  const setLast = db.prepare("INSERT OR REPLACE INTO clients VALUES (?, ?, ?, ?)");
  const held = db.prepare("SELECT count(*) AS n FROM rows WHERE id IN (SELECT value FROM json_each(?))");
  let version = 0;

  const transaction = (work) => {
    db.exec("BEGIN IMMEDIATE");
    version += 1;
    work();
    db.exec("COMMIT");
  };
  const write = (rows) => transaction(() => rows.forEach((row) => put.run(row.id, version, JSON.stringify(row))));

  const pull = ({ cookie, clientGroupID }) => {
    const from = cookie ?? 0;
    const patch = since.all(from).map(({ id, json }) => `{"op":"put","key":"row/${id}","value":${json}}`);
    const changes = Object.fromEntries(lasts.all(clientGroupID, from).map(({ id, last }) => [id, last]));
    return `{"cookie":${version},"lastMutationIDChanges":${JSON.stringify(changes)},"patch":[${patch.join(",")}]}`;
  };

  const push = ({ clientGroupID, mutations }) => {
    transaction(() => {
      const last = new Map();
      for (const { clientID, id, args } of mutations) {
        const before = last.get(clientID) ?? lastOf.get(clientID)?.last ?? 0;
        if (id !== before + 1) continue;
        put.run(args.id, version, JSON.stringify(args));
        last.set(clientID, id);
      }
      for (const [client, id] of last) setLast.run(client, clientGroupID, id, version);
    });
    return "{}";
  };

  write(Array.from({ length: records }, (_, i) => record(i)));
  const poked = new Set();
  const http = createServer(async (request, response) => {
    if (request.url === "/pokes") {
      response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
      poked.add(response.on("close", () => poked.delete(response)));
      return;
    }
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = JSON.parse(Buffer.concat(chunks).toString());
    response.setHeader("content-type", "application/json");
    response.end(request.url === "/pull" ? pull(body) : push(body));
    if (request.url === "/push") for (const reader of poked) reader.write("data:\n\n");
  });
  await new Promise((ready) => http.listen(0, "127.0.0.1", ready));
  return {
    address: `http://127.0.0.1:${http.address().port}`,
    change: async (rows) => {
      for (let at = 0; at < rows.length; at += 100) write(rows.slice(at, at + 100));
    },
    holds: async (ids) => held.get(JSON.stringify(ids)).n,
  };
}
