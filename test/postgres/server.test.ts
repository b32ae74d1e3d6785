// The server's own tests, over PostgreSQL: where a test brings no store of its own, its server stands on an empty schema.
import { describe } from "vitest";
import { postgresStore } from "../support/postgres.ts";
import { storesAre } from "../support/server.ts";

storesAre(postgresStore);

describe("on PostgreSQL", async () => {
  await import("../server/push.test.ts");
  await import("../server/pull.test.ts");
  await import("../server/recovery.test.ts");
  await import("../server/retention.test.ts");
  await import("../server/verify.test.ts");
  await import("../server/head.test.ts");
});
