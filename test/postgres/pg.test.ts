// What stands on a driver of PostgreSQL, once more on the driver `pg`: the others use `postgres`.
import { createRequire } from "node:module";
import postgres from "postgres";
import { describe, expect, onTestFinished, test } from "vitest";
import { openPostgresStore } from "../../src/store/postgres/index.ts";
import { placeOf } from "../../src/store/postgres/place.ts";
import { Session } from "../../src/store/postgres/session.ts";
import { noLog } from "../../src/store/postgres/wake/listening.ts";
import { failureOf } from "../../src/testing/store-trial.ts";
import { recordsOf, Shop, until } from "../support/adopted.ts";
import { driverIs, plain, postgresStore, schemaOf, schemaUrl } from "../support/postgres.ts";
import { storesAre } from "../support/server.ts";

/** It brings no types. */
const pg = createRequire(import.meta.url)("pg") as {
  Pool: new (settings: object) => { readonly options: object; end(): Promise<void> };
};

driverIs("pg");
storesAre(postgresStore);

describe("with the driver pg", async () => {
  await import("./contract.test.ts");
  await import("./failure.test.ts");
  await import("./watch.test.ts");
  await import("../server/push.test.ts");
});

describe("tables of other programs, with the driver pg", () => {
  test("[R12 T3] are followed by triggers", async () => {
    const shop = await Shop.open("triggers", "CREATE TABLE shop.items (id text PRIMARY KEY, n int)");
    await shop.sql("INSERT INTO shop.items VALUES ('a', 1)");
    const server = await shop.serve(shop.config({ items: {} }));
    await shop.following();
    await shop.sql("UPDATE shop.items SET n = 2; INSERT INTO shop.items VALUES ('b', 3)");
    await until(() => recordsOf(server.store, "items"), { a: { id: "a", n: 2 }, b: { id: "b", n: 3 } });
  });

  test("[R12] are not followed in the log, and that is said", async () => {
    const store = await openPostgresStore({ url: await schemaUrl() });
    onTestFinished(() => store.close());
    const plan = { capture: "replication", tables: [{ collection: "items", table: "public.items" }] } as const;
    const adopting = store.adopt?.(new Map([["acme", plan]]), { rules: () => ({}) as never, log: noLog });
    expect(String(await failureOf(adopting as Promise<unknown>))).toMatch(/driver postgres, not with pg.*triggers/);
  });
});

describe("which driver", () => {
  test("[R12] a pool of pg, or a client of postgres, lends its settings, its password included", async () => {
    const url = await schemaUrl();
    const schema = schemaOf(url);
    const pool = new pg.Pool({ connectionString: plain(url) });
    const { hostname: host, port, username: user, password, pathname } = new URL(url);
    const parts = new pg.Pool({ host, port: Number(port), user, password, database: pathname.slice(1) });
    const sql = postgres(plain(url), { max: 1 });
    onTestFinished(async () => void (await Promise.all([pool.end(), parts.end(), sql.end()])));
    for (const given of [{ pool }, { pool: parts }, { sql }]) {
      const store = await openPostgresStore({ ...given, schema });
      expect(await store.head("acme")).toBeNull();
      await store.close();
    }
  });

  test("[R12] reads booleans and small numbers as such, and everything else as text, with either", async () => {
    const statement = `SELECT true AS a, 7::int2 AS b, 7::int4 AS c, 1.5::float8 AS d, 7::int8 AS e, 7::numeric AS f,
      '[1]'::jsonb AS g, now()::date::text = '' AS h, ARRAY['x'] AS i, NULL AS j, $1::text AS k`;
    const found = [];
    for (const driver of ["postgres", "pg"] as const) {
      const place = await placeOf({ url: await schemaUrl(), driver });
      const session = new Session(place.driver);
      found.push(await session.query(statement, ["k"]));
      session.close();
    }
    expect(found[1]).toEqual(found[0]);
  });

  test("[R12 A6] one that there is not, or an address that is none, is refused without repeating it", async () => {
    for (const url of ["postgres://me:s3cret@host/db?driver=mysql", "postgres://me:s3cret@[broken/db?driver=pg"]) {
      const failure = (await failureOf(openPostgresStore({ url }))) as Error;
      expect(failure.message).toMatch(/it is postgres or pg|not of the form/);
      expect(failure.message).not.toMatch(/s3cret/);
    }
  });
});
