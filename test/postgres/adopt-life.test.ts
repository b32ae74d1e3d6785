import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Config } from "../../src/server/index.ts";
import { openPostgresStore } from "../../src/store/postgres/index.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { entriesOf, recordsOf, Shop, until } from "../support/adopted.ts";
import { plain, schemaOf } from "../support/postgres.ts";

const KILLS = process.env["TIDEMARK_LONG"] ? 100 : 6;
const FOLLOWER = fileURLToPath(new URL("follower.ts", import.meta.url));
const COUNTER =
  "CREATE TABLE shop.counter (id integer PRIMARY KEY, n integer); CREATE TABLE shop.ledger (id integer PRIMARY KEY)";

/** A server in a process of its own; resolves when it answers. */
async function follower(shop: Shop, config: Config) {
  const child = spawn(process.execPath, [FOLLOWER, shop.url, JSON.stringify(config)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return child;
}

describe.each(["replication", "triggers"] as const)("a server that follows tables by %s", (capture) => {
  test(`[T3 T8] killed at any moment, with another beside it that takes over, loses nothing and repeats nothing, ${KILLS} times`, async () => {
    const shop = await Shop.open(capture, COUNTER);
    await shop.sql("INSERT INTO shop.counter VALUES (1, 0)");
    const config = shop.config({ counter: {}, ledger: {} });
    const random = seededRandom("follower");
    const servers = [await follower(shop, config), await follower(shop, config)];
    await shop.following();
    const store = await openPostgresStore({ url: shop.url });
    onTestFinished(() => store.close());
    await until(async () => Object.keys(await recordsOf(store, "counter")), ["1"]);
    const first = (await entriesOf(store)).length;
    let n = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      for (let left = random.between(1, 20); left > 0; left--) {
        await shop.sql(`INSERT INTO shop.ledger VALUES (${++n}); UPDATE shop.counter SET n = ${n}`);
      }
      const place = kill % 2;
      servers[place]?.kill("SIGKILL");
      servers[place] = await follower(shop, config);
    }
    await until(async () => (await recordsOf(store, "counter"))["1"]?.n, n);
    const entries = (await entriesOf(store)).slice(first);
    const told = entries.map(({ changes }) =>
      changes.map(({ change }) => [change.collection, change.id, change.after]),
    );
    expect(told).toEqual(
      Array.from({ length: n }, (_, i) => [
        ["ledger", `${i + 1}`, {}],
        ["counter", "1", { n: i + 1 }],
      ]),
    );
  });

  test("[T4 T5 T7] clients and other programs that write the same rows end with the same", async () => {
    const shop = await Shop.open(capture, "CREATE TABLE shop.items (id integer PRIMARY KEY, a integer, b integer)");
    const server = await shop.serve(shop.config({ items: {} }));
    await shop.following();
    const random = seededRandom("both");
    const clients = async () => {
      for (let i = 1; i <= 120; i++) {
        const id = `${random.between(1, 6)}`;
        const op = random.between(1, 4);
        const record = { id, a: i };
        await server.write(`c${i % 3}`, [
          op === 1
            ? { op: "insert", collection: "items", record }
            : op === 2
              ? { op: "delete", collection: "items", id }
              : { op: "update", collection: "items", record },
        ]);
      }
    };
    const programs = async () => {
      for (let i = 1; i <= 120; i++) {
        const id = random.between(1, 6);
        const op = random.between(1, 4);
        await shop.sql(
          op === 1
            ? `INSERT INTO shop.items VALUES (${id}, 0, ${i}) ON CONFLICT DO NOTHING`
            : op === 2
              ? `DELETE FROM shop.items WHERE id = ${id}`
              : `UPDATE shop.items SET b = ${i} WHERE id IN (${id}, ${id + 1})`,
        );
      }
    };
    await Promise.all([clients(), programs()]);
    await shop.sql("INSERT INTO shop.items VALUES (99)");
    await until(async () => (await recordsOf(server.store, "items"))["99"], { id: "99" });
    const rows = await shop.sql<{ id: number; a: number | null; b: number | null }>("SELECT * FROM shop.items");
    const wanted = rows.map(({ id, a, b }) => [
      `${id}`,
      { id: `${id}`, ...(a !== null && { a }), ...(b !== null && { b }) },
    ]);
    expect(await recordsOf(server.store, "items")).toEqual(Object.fromEntries(wanted));
    expect(shop.log).toEqual([]);
  });

  test("[T5] what is captured late of rows that a write has compared since is passed over", async () => {
    const shop = await Shop.open(capture, COUNTER);
    await shop.sql("INSERT INTO shop.counter VALUES (1, 0)");
    const config = shop.config({ counter: {} });
    const before = await shop.serve(config);
    await shop.following();
    await before[Symbol.asyncDispose]();
    // While the test leads, nobody follows.
    const leader = postgres(plain(shop.url), { max: 1 });
    const lead = async () =>
      (await leader`SELECT pg_try_advisory_lock(hashtextextended(${`${schemaOf(shop.url)}/acme`}, 7407)) AS got`)[0]?.[
        "got"
      ];
    await until(lead, true);
    const server = await shop.serve(config);
    const { revision } = await server.head();
    for (const n of [1, 2, 3]) await shop.sql(`UPDATE shop.counter SET n = ${n}`);
    await shop.sql("INSERT INTO shop.counter VALUES (2, 5); DELETE FROM shop.counter WHERE id = 2");
    await server.write("ann", { op: "insert", collection: "counter", record: { id: "2", n: 6 } });
    await server.write("ann", { op: "update", collection: "counter", record: { id: "1", n: 3 } });
    await server.write("ann", { op: "update", collection: "counter", record: { id: "1", n: 4 } });
    await leader.end();
    await shop.sql("INSERT INTO shop.counter VALUES (9, 9)");
    await until(async () => (await recordsOf(server.store, "counter"))["9"], { id: "9", n: 9 });
    const entries = (await entriesOf(server.store)).slice(revision);
    expect(
      entries.map(({ mutation, changes }) => [mutation, ...changes.map(({ change }) => change.after?.["n"])]),
    ).toEqual([
      [1, 6],
      [0, 3],
      [3, 4],
      [0, 9],
    ]);
  });

  test("[T3] a large value that a change did not touch stays", async () => {
    const shop = await Shop.open(capture, "CREATE TABLE shop.texts (id integer PRIMARY KEY, large text, small text)");
    await shop.sql("ALTER TABLE shop.texts ALTER large SET STORAGE EXTERNAL");
    const { store } = await shop.serve(shop.config({ texts: {} }));
    await shop.following();
    const large = "x".repeat(100_000);
    await shop.sql(`INSERT INTO shop.texts VALUES (1, repeat('x', 100000), 'a')`);
    await shop.sql("UPDATE shop.texts SET small = 'b'");
    await until(async () => (await recordsOf(store, "texts"))["1"], { id: "1", large, small: "b" });
    await shop.sql("UPDATE shop.texts SET id = 2");
    await until(() => recordsOf(store, "texts"), { 2: { id: "2", large, small: "b" } });
  });

  test("[T8] tables that are adopted no longer are let go, and compared when they are adopted again", async () => {
    const shop = await Shop.open(capture, COUNTER);
    await shop.sql("INSERT INTO shop.counter VALUES (1, 1), (2, 1)");
    const config = shop.config({ counter: {} });
    const server = await shop.serve(config);
    await shop.following();
    const metrics = await (await server.request("/metrics", {}, "127.0.0.1")).text();
    expect(metrics).toMatch(/^tidemark_adopted_behind\{unit="(bytes|changes)"\} \d+$/m);
    await server[Symbol.asyncDispose]();
    const without = await shop.serve({ ...config, adopt: {} });
    const left = `SELECT (SELECT count(*) FROM pg_publication_rel WHERE prrelid = 'shop.counter'::regclass)
      + (SELECT count(*) FROM pg_trigger WHERE tgrelid = 'shop.counter'::regclass)
      + (SELECT count(*) FROM ${schemaOf(shop.url)}.adopted_space) AS left`;
    expect(await shop.sql(left)).toEqual([{ left: "0" }]);
    await without[Symbol.asyncDispose]();
    await shop.sql("DELETE FROM shop.counter WHERE id = 1; UPDATE shop.counter SET n = 2");
    const again = await shop.serve(config);
    await until(() => recordsOf(again.store, "counter"), { 2: { id: "2", n: 2 } });
  });
});

test("[T8] where the slot was lost, tables and collections are compared anew", async () => {
  const shop = await Shop.open("replication", COUNTER);
  await shop.sql("INSERT INTO shop.counter VALUES (1, 1), (2, 1)");
  const config = shop.config({ counter: {} });
  const server = await shop.serve(config);
  await shop.following();
  await server[Symbol.asyncDispose]();
  const slots = `SELECT slot_name FROM pg_replication_slots JOIN ${schemaOf(shop.url)}.adopted_space ON slot = slot_name`;
  await until(async () => (await shop.sql(`${slots} WHERE NOT active`)).length, 1);
  await shop.sql(`SELECT pg_drop_replication_slot(slot_name) FROM (${slots}) s`);
  await shop.sql(
    "DELETE FROM shop.counter WHERE id = 1; UPDATE shop.counter SET n = 2; INSERT INTO shop.counter VALUES (3, 3)",
  );
  const again = await shop.serve(config);
  await until(() => recordsOf(again.store, "counter"), { 2: { id: "2", n: 2 }, 3: { id: "3", n: 3 } });
});

test("[T8 H15] a server that waits for transactions of others before it can follow still ends at once", async () => {
  const shop = await Shop.open("replication", COUNTER);
  const other = postgres(plain(shop.url), { max: 1 });
  await other.begin(async (sql) => {
    await sql.unsafe(`INSERT INTO ${shop.schema}.ledger VALUES (1)`);
    const server = await shop.serve(shop.config({ counter: {} }));
    const waits = "SELECT FROM pg_publication_rel WHERE prrelid = 'shop.counter'::regclass";
    await until(async () => (await shop.sql(waits)).length, 1);
    await server[Symbol.asyncDispose]();
  });
  await other.end();
});
