// The server's own tests, over PostgreSQL: where a test brings no store of its own, its server stands on an empty schema.
import { afterAll, describe } from "vitest";
import { dropEmptied, postgresStore } from "../support/postgres.ts";
import { storesAre } from "../support/server.ts";

storesAre(postgresStore);
afterAll(dropEmptied);

describe("on PostgreSQL", async () => {
  await import("../server/push.test.ts");
  await import("../server/pull.test.ts");
  await import("../server/recovery.test.ts");
  await import("../server/retention.test.ts");
  await import("../server/verify.test.ts");
  await import("../server/head.test.ts");
  await import("../server/inherit.test.ts");
  await import("../server/pattern.test.ts");
  await import("../server/live.test.ts");
});
