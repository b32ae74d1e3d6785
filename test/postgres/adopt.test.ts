import postgres from "postgres";
import { describe, expect, test } from "vitest";
import type { Outcome } from "../../src/model/mutation.ts";
import { createServer, settingsOf } from "../../src/server/index.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { entriesOf, recordsOf, Shop, until } from "../support/adopted.ts";
import { plain } from "../support/postgres.ts";

const CUSTOMERS = `
  CREATE TABLE shop.customers (
    id integer PRIMARY KEY, name text NOT NULL, email text CONSTRAINT one_email UNIQUE,
    credit numeric(10, 2) CONSTRAINT credit_is_no_debt CHECK (credit >= 0), since timestamptz, tags text[], more jsonb);
  CREATE TABLE shop.orders (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), customer integer CONSTRAINT of_a_customer REFERENCES shop.customers,
    total bigint, state text DEFAULT 'new');`;

const BOTH = { customers: {}, orders: {} };
const put = (id: string, atoms: object) =>
  ({ op: "insert", collection: "customers", record: { id, ...atoms } }) as const;
const set = (id: string, atoms: object) =>
  ({ op: "update", collection: "customers", record: { id, ...atoms } }) as const;

describe.each(["replication", "triggers"] as const)("tables adopted by %s", (capture) => {
  test("[T1 T2 T3] what is there is copied, and what other programs write follows", async () => {
    const shop = await Shop.open(capture, CUSTOMERS);
    await shop.sql(`INSERT INTO shop.customers VALUES
      (1, 'Ann', 'ann@x', 12.50, '2026-01-02 03:04:05.6+01', '{a,"b c",NULL}', '{"vip": true}'), (2, 'Bob', NULL, NULL, NULL, NULL, NULL)`);
    const { store } = await shop.serve(shop.config(BOTH));
    await until(() => recordsOf(store, "customers"), {
      1: {
        id: "1",
        name: "Ann",
        email: "ann@x",
        credit: "12.50",
        since: "2026-01-02T02:04:05.6Z",
        tags: ["a", "b c", null],
        more: { vip: true },
      },
      2: { id: "2", name: "Bob" },
    });
    await shop.sql(
      "UPDATE shop.customers SET name = 'Bert', email = 'bert@x' WHERE id = 2; DELETE FROM shop.customers WHERE id = 1",
    );
    await until(() => recordsOf(store, "customers"), { 2: { id: "2", name: "Bert", email: "bert@x" } });
    await shop.sql("UPDATE shop.customers SET id = 3");
    await until(() => recordsOf(store, "customers"), { 3: { id: "3", name: "Bert", email: "bert@x" } });
    await shop.sql("TRUNCATE shop.customers CASCADE");
    await until(() => recordsOf(store, "customers"), {});
    expect(shop.log).toEqual([]);
  });

  test("[T3] what one transaction does to several tables is one revision, whose author is the tables", async () => {
    const shop = await Shop.open(capture, CUSTOMERS);
    const { store } = await shop.serve(shop.config(BOTH));
    await shop.following();
    await shop.sql(`INSERT INTO shop.customers (id, name) VALUES (1, 'Ann');
      INSERT INTO shop.orders (id, customer, total) VALUES ('00000000-0000-4000-8000-000000000001', 1, 9007199254740993);
      UPDATE shop.customers SET credit = 3 WHERE id = 1`);
    await until(async () => (await entriesOf(store)).length, 1);
    const [entry] = await entriesOf(store);
    expect(entry?.author).toBe(`\n${shop.schema}.customers,${shop.schema}.orders`);
    expect(entry?.changes.map(({ change }) => change.after)).toEqual([
      { name: "Ann", credit: "3.00" },
      { customer: 1, total: "9007199254740993", state: "new" },
    ]);
  });

  test("[T4 T7] what a client writes is in the table when it is acknowledged, and its echo is quiet", async () => {
    const shop = await Shop.open(capture, CUSTOMERS);
    const server = await shop.serve(shop.config(BOTH));
    await server.write("ann", put("1", { name: "Ann", credit: "1.00", tags: ["x"], since: "2026-01-02T03:04:05Z" }));
    expect(await shop.sql("SELECT name, credit::text, tags::text, since::text FROM shop.customers")).toMatchObject([
      { name: "Ann", credit: "1.00", tags: "{x}" },
    ]);
    await server.write("ann", set("1", { credit: "2.00" }));
    await server.write("ann", { op: "delete", collection: "customers", id: "1" });
    expect(await shop.sql("SELECT FROM shop.customers")).toEqual([]);
    // What is written behind them is recorded behind their echoes.
    await shop.sql("INSERT INTO shop.customers (id, name) VALUES (2, 'Bob')");
    await until(() => recordsOf(server.store, "customers"), { 2: { id: "2", name: "Bob" } });
    expect((await entriesOf(server.store)).map(({ mutation }) => mutation)).toEqual([1, 2, 3, 0]);
  });

  test("[T7] what the table makes of a write comes back as a revision of the table", async () => {
    const shop = await Shop.open(
      capture,
      `${CUSTOMERS} ALTER TABLE shop.customers ADD slug text GENERATED ALWAYS AS (lower(name)) STORED, ADD stock integer DEFAULT 7`,
    );
    const server = await shop.serve(shop.config(BOTH));
    await shop.following();
    await server.write("ann", put("1", { name: "Ann", credit: 5 }));
    const [found] = (await shop.sql("SHOW server_version_num")) as { server_version_num: string }[];
    // Before PostgreSQL 18 generated columns are not in the log.
    const told = capture === "triggers" || Number(found?.server_version_num) >= 180_000;
    await until(() => recordsOf(server.store, "customers"), {
      1: { id: "1", name: "Ann", credit: "5.00", ...(told && { slug: "ann" }), stock: 7 },
    });
    expect((await entriesOf(server.store)).map(({ mutation }) => mutation)).toEqual([1, 0]);
  });

  test("[T6] what the table refuses is rejected with the constraint's name, and the others apply", async () => {
    const shop = await Shop.open(capture, CUSTOMERS);
    await shop.sql(`CREATE FUNCTION shop.no_fridays() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF NEW.name = 'Friday' THEN RAISE EXCEPTION 'no Fridays'; END IF; RETURN NEW; END $$;
      CREATE TRIGGER no_fridays BEFORE INSERT ON shop.customers FOR EACH ROW EXECUTE FUNCTION shop.no_fridays()`);
    const server = await shop.serve(shop.config(BOTH));
    const writes = [
      put("1", { name: "Ann", email: "a@x" }),
      put("2", {}),
      put("3", { name: "Cid", credit: "-1" }),
      put("4", { name: "Dan", email: "a@x" }),
      {
        op: "insert",
        collection: "orders",
        record: { id: "00000000-0000-4000-8000-000000000001", customer: 9 },
      } as const,
      put("6", { name: "Friday" }),
      put("seven", { name: "Eve" }),
      put("08", { name: "Eve" }),
      put("9", { name: "Eve", shoe: 42 }),
      put("10", { name: "Flo" }),
    ];
    const mutations = writes.map((write, i) => ({ id: i + 1, base: 0, writes: [write] }));
    const { outcomes } = await server.push({ client: "ann", mutations });
    const told = outcomes.map((outcome: Outcome) =>
      outcome.status === "rejected"
        ? [outcome.code, outcome.path, outcome.message.replaceAll(shop.schema, "shop")]
        : outcome.status,
    );
    expect(told).toEqual([
      "applied",
      ["constraint", "writes[0].record.name", "shop.customers needs a value in name: not-null constraint"],
      ["constraint", "writes[0]", "the constraint credit_is_no_debt of shop.customers refuses this"],
      ["constraint", "writes[0]", "the constraint one_email of shop.customers refuses this"],
      ["constraint", "writes[0]", "the constraint of_a_customer of shop.orders refuses this"],
      ["constraint", "writes[0]", "shop.customers refuses this: no Fridays"],
      ["constraint", "writes[0]", "a value does not fit its column in shop.customers"],
      ["constraint", "writes[0]", "shop.customers writes this id as 8"],
      ["constraint", "writes[0].record.shoe", "shop.customers has no column for the atom shoe"],
      "applied",
    ]);
    expect(await shop.sql("SELECT id FROM shop.customers ORDER BY id")).toMatchObject([{ id: 1 }, { id: 10 }]);
    expect(Object.keys(await recordsOf(server.store, "customers"))).toEqual(["1", "10"]);
  });

  test("[T5] a row that other programs changed just now is not overwritten: the difference is recorded first", async () => {
    const shop = await Shop.open(capture, CUSTOMERS);
    const server = await shop.serve(shop.config(BOTH));
    await server.write("ann", put("1", { name: "Ann", email: "a@x" }));
    const { revision } = await server.head();
    await shop.sql("UPDATE shop.customers SET name = 'Anna' WHERE id = 1");
    const { outcomes } = await server.write("bob", set("1", { name: "Anne", email: "b@x" }), { base: revision });
    expect(outcomes).toMatchObject([{ status: "superseded", superseded: [{ atoms: ["name"], reason: "newer" }] }]);
    expect(await shop.sql("SELECT name, email FROM shop.customers")).toMatchObject([{ name: "Anna", email: "b@x" }]);
    await shop.sql("INSERT INTO shop.customers (id, name) VALUES (2, 'Bob')");
    await until(async () => Object.keys(await recordsOf(server.store, "customers")), ["1", "2"]);
    // The log, which tells of the same change later, tells nothing new.
    expect((await entriesOf(server.store)).map(({ mutation }) => mutation)).toEqual([1, 0, 1, 0]);
  });

  test("[T1] a table without a primary key is refused with what to do, and followed when that is done", async () => {
    const shop = await Shop.open(
      capture,
      "CREATE TABLE shop.notes (id integer, text text); INSERT INTO shop.notes VALUES (1, 'x')",
    );
    const server = await shop.serve(shop.config({ notes: {} }));
    await until(async () => shop.log.length, 1);
    expect(shop.log[0]).toContain(`ALTER TABLE ${shop.schema}.notes ADD PRIMARY KEY`);
    const { outcomes } = await server.write("ann", { op: "insert", collection: "notes", record: { id: "2" } });
    expect(outcomes).toMatchObject([{ status: "rejected", code: "constraint" }]);
    await shop.sql("ALTER TABLE shop.notes ADD PRIMARY KEY (id)");
    await until(() => recordsOf(server.store, "notes"), { 1: { id: "1", text: "x" } });
  });

  test("[T2] a column that is added, with a value in every row, comes to every record; one that is dropped goes", async () => {
    const shop = await Shop.open(capture, CUSTOMERS);
    await shop.sql("INSERT INTO shop.customers (id, name) SELECT n, 'c' || n FROM generate_series(1, 3) n");
    const { store } = await shop.serve(shop.config(BOTH));
    await until(async () => Object.keys(await recordsOf(store, "customers")).length, 3);
    await shop.sql("ALTER TABLE shop.customers ADD level integer DEFAULT 1, DROP COLUMN email");
    await until(async () => Object.values(await recordsOf(store, "customers")).map(({ level }) => level), [1, 1, 1]);
    await shop.sql("UPDATE shop.customers SET level = 2 WHERE id = 2");
    await until(async () => (await recordsOf(store, "customers"))["2"], { id: "2", name: "c2", level: 2 });
  });

  test("[T2] a first copy beside programs that write ends with what the table holds", async () => {
    const shop = await Shop.open(capture, CUSTOMERS);
    await shop.sql(
      "INSERT INTO shop.customers (id, name, credit) SELECT n, 'c' || n, 0 FROM generate_series(1, 3000) n",
    );
    const starting = shop.serve(shop.config(BOTH));
    for (let round = 1; round <= 30; round++) {
      await shop.sql(`UPDATE shop.customers SET credit = ${round} WHERE id % 30 = ${round % 30};
        DELETE FROM shop.customers WHERE id = ${round * 7}; INSERT INTO shop.customers (id, name) VALUES (${round * -1}, 'new')`);
    }
    const { store } = await starting;
    const rows = await shop.sql<{ id: number; name: string; credit: string | null }>(
      "SELECT id, name, credit::text FROM shop.customers",
    );
    const wanted = rows.map(({ id, name, credit }) => [
      String(id),
      { id: String(id), name, ...(credit !== null && { credit }) },
    ]);
    await until(() => recordsOf(store, "customers"), Object.fromEntries(wanted));
  });

  test("[T1] columns are chosen, renamed, and read as numbers where the configuration says so", async () => {
    const shop = await Shop.open(
      capture,
      `${CUSTOMERS} INSERT INTO shop.customers (id, name, credit, more) VALUES (1, 'Ann', 1.5, '{}')`,
    );
    const columns = { called: "name", credit: { column: "credit", as: "number" } } as const;
    const server = await shop.serve(shop.config({ people: { table: "customers", columns } }));
    await until(() => recordsOf(server.store, "people"), { 1: { id: "1", called: "Ann", credit: 1.5 } });
    await server.write("ann", {
      op: "update",
      collection: "people",
      record: { id: "1", called: "Anna", credit: 2.25 },
    });
    expect(await shop.sql("SELECT name, credit, more FROM shop.customers")).toMatchObject([
      { name: "Anna", credit: "2.25", more: {} },
    ]);
  });

  test("[T6] a row that another program keeps locked holds up nobody else", async () => {
    const shop = await Shop.open(
      capture,
      `${CUSTOMERS} INSERT INTO shop.customers (id, name) VALUES (1, 'Ann'), (2, 'Bob')`,
    );
    const server = await shop.serve(shop.config(BOTH));
    await shop.following();
    const { revision: base } = await server.head();
    const other = postgres(plain(shop.url), { max: 1, onnotice: () => undefined });
    await other.begin(async (sql) => {
      await sql.unsafe(`UPDATE ${shop.schema}.customers SET name = 'Anna' WHERE id = 1`);
      const push = (client: string, id: string) =>
        server.post("/v1/spaces/acme/push", {
          client,
          mutations: [{ id: 1, base, writes: [set(id, { email: client })] }],
        });
      const answers = await Promise.all([push("ann", "1"), push("bob", "2")]);
      expect(answers.map(({ status }) => status)).toEqual([503, 200]);
    });
    await other.end();
  });

  test("[T1] a key of several columns makes an id that can be taken apart", async () => {
    const shop = await Shop.open(
      capture,
      "CREATE TABLE shop.seats (hall text, seat integer, guest text, PRIMARY KEY (hall, seat)); INSERT INTO shop.seats VALUES ('a,b%', 1, 'Ann')",
    );
    const server = await shop.serve(shop.config({ seats: {} }));
    await until(() => recordsOf(server.store, "seats"), {
      "a%2Cb%25,1": { id: "a%2Cb%25,1", hall: "a,b%", seat: 1, guest: "Ann" },
    });
    await server.write("ann", { op: "update", collection: "seats", record: { id: "a%2Cb%25,1", guest: "Bob" } });
    await server.write("ann", { op: "insert", collection: "seats", record: { id: "c,2", guest: "Cid" } });
    expect(await shop.sql("SELECT hall, seat, guest FROM shop.seats ORDER BY seat")).toMatchObject([
      { hall: "a,b%", seat: 1, guest: "Bob" },
      { hall: "c", seat: 2, guest: "Cid" },
    ]);
  });
});

describe("the configuration of adopted tables", () => {
  test("[T1] names what is wrong, by its path", () => {
    const adopt = {
      Acme: { tables: { items: { table: "items", columns: { "a-b": "a" } }, others: { table: "others" } } },
    };
    expect(() => settingsOf({ collections: { items: {} }, adopt })).toThrow(
      /adopt\.Acme: .*\n.*adopt\.Acme\.tables\.items: a-b: .*\n.*adopt\.Acme\.tables\.others: expected a collection/,
    );
  });

  test("[T1] needs a store on PostgreSQL", async () => {
    const store = openSqliteStore({ path: ":memory:" });
    const adopt = { acme: { tables: { items: { table: "items" } } } };
    expect(() => createServer({ store, config: { adopt } })).toThrow("adopt: expected a store on PostgreSQL");
    await store.close();
  });
});
