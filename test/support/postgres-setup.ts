// One PostgreSQL for a whole test run. It costs a second or two, so that it is started when the first test asks for it.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestProject } from "vitest/node";
import type { PostgresServer } from "./postgres-server.ts";

declare module "vitest" {
  interface ProvidedContext {
    postgresAt: string;
  }
}

/** For tables that are followed by logical replication. */
const LOGICAL = ["wal_level=logical", "max_replication_slots=64", "max_wal_senders=64"].flatMap((flag) => ["-c", flag]);

let started: Promise<PostgresServer> | null = null;

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const desk = createServer((_, response) => {
    urlOf().then(
      (url) => response.end(url),
      (error) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => desk.listen(0, "127.0.0.1", resolve));
  project.provide("postgresAt", `http://127.0.0.1:${(desk.address() as AddressInfo).port}`);
  return () => end(desk);
}

async function urlOf(): Promise<string> {
  const given = process.env["TIDEMARK_TEST_PG"];
  if (given) return given;
  // Nothing is lost when a test's process dies: what a power cut does is not tested with it.
  started ??= start(["-c", "fsync=off", "-c", "max_connections=300", ...LOGICAL]);
  return (await started).url;
}

async function start(flags: readonly string[]): Promise<PostgresServer> {
  const { PostgresServer } = await import("./postgres-server.ts");
  return PostgresServer.start(flags);
}

async function end(desk: Server): Promise<void> {
  desk.close();
  desk.closeAllConnections();
  await (await started?.catch(() => null))?.end();
}
