// What can differ between versions of PostgreSQL, on the one that the machine brings along. All of the tests run on another
// server with TIDEMARK_TEST_PG.
import { afterAll, describe } from "vitest";
import { postgresIs } from "../support/postgres.ts";
import { type InstalledPostgres, installedPostgres } from "../support/postgres-installed.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { skipUnless } from "../support/skip.ts";

const installed = installedPostgres();

if (installed === undefined) {
  skipUnless(false, "needs PostgreSQL's own tools")("[R7] the store on an older PostgreSQL", () => undefined);
} else {
  describe(`on PostgreSQL ${installed.version}`, () => older(installed));
}

async function older(version: InstalledPostgres): Promise<void> {
  let started: Promise<PostgresServer> | null = null;
  postgresIs(async () => {
    started ??= PostgresServer.start(["-c", "fsync=off", "-c", "max_connections=300"], version);
    return (await started).url;
  });
  // Before those of the tests, so that it runs after them.
  afterAll(async () => (await started)?.end());
  await import("./contract.test.ts");
  await import("./plan.test.ts");
  await import("./watch.test.ts");
}
