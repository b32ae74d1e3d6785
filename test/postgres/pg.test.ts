// What stands on a driver of PostgreSQL, once more on the driver `pg`: the others use `postgres`.
import { describe } from "vitest";
import { driverIs, postgresStore } from "../support/postgres.ts";
import { storesAre } from "../support/server.ts";

driverIs("pg");
storesAre(postgresStore);

describe("with the driver pg", async () => {
  await import("./contract.test.ts");
  await import("./failure.test.ts");
  await import("./watch.test.ts");
  await import("../server/push.test.ts");
});
