import { spawn } from "node:child_process";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import postgres from "postgres";
import { record } from "../../records.ts";
import { freePort, sleep } from "../work.ts";
import { api } from "./api.mjs";
import { database } from "./database.mjs";

/** Long enough for the replica of zero-cache to have followed a round of changes. */
const FOLLOWED_MS = 800;

export async function start({ folder, records }) {
  // PostgreSQL runs as another user where this is root.
  chmodSync(folder, 0o755);
  const db = await database(join(folder, "postgres"));
  const sql = postgres(db.url, { max: 8, onnotice: () => {} });
  await sql.unsafe(
    `CREATE TABLE tasks (id text PRIMARY KEY, title text NOT NULL, status text NOT NULL, priority int NOT NULL,
       assignee text NOT NULL, body text NOT NULL, updated double precision NOT NULL)`,
  );
  for (let at = 0; at < records; at += 5000) {
    const count = Math.min(5000, records - at);
    await sql`INSERT INTO tasks ${sql(Array.from({ length: count }, (_, i) => record(at + i)))}`;
  }
  await sql.unsafe("ANALYZE tasks");
  const endpoint = await api(sql);
  const cache = await zeroCache(db.url, join(folder, "replica.db"), endpoint);
  return {
    address: { cache: cache.url, endpoint, database: db.url },
    change: async (rows) => {
      await sql.begin(async (transaction) => {
        const updates = rows.map(
          ({ id, title, updated }) =>
            transaction`UPDATE tasks SET title = ${title}, updated = ${updated} WHERE id = ${id}`,
        );
        await Promise.all(updates);
      });
      await sleep(FOLLOWED_MS);
    },
    holds: async (ids) => Number((await sql`SELECT count(*) AS n FROM tasks WHERE id = ANY(${ids})`)[0].n),
    close: async () => {
      await cache.stop();
      await sql.end();
      await db.stop();
    },
  };
}

async function zeroCache(upstream, replica, endpoint) {
  const port = await freePort(3);
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, "node_modules/@rocicorp/zero/out/zero/src/cli.js")],
    {
      cwd: import.meta.dirname,
      stdio: ["ignore", "pipe", "inherit"],
      env: {
        ...process.env,
        DO_NOT_TRACK: "1",
        ZERO_ENABLE_TELEMETRY: "false",
        ZERO_UPSTREAM_DB: upstream,
        ZERO_REPLICA_FILE: replica,
        ZERO_PORT: String(port),
        ZERO_NUM_SYNC_WORKERS: "1",
        ZERO_QUERY_URL: `${endpoint}/query`,
        ZERO_MUTATE_URL: `${endpoint}/mutate`,
        ZERO_ADMIN_PASSWORD: "bench",
        ZERO_LOG_LEVEL: "info",
      },
    },
  );
  const ended = new Promise((done) => child.once("exit", done));
  await new Promise((ready, fail) => {
    child.stdout.on("data", (text) => /dispatcher listening/.test(text) && ready());
    void ended.then((code) => fail(new Error(`zero-cache ended with ${code}`)));
  });
  const stop = () => {
    child.kill("SIGTERM");
    return ended;
  };
  return { url: `http://127.0.0.1:${port}`, stop };
}
