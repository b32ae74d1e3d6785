import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { describe, expect, onTestFinished, test } from "vitest";
import { auditEnd, auditOf, auditRun } from "../../src/model/audit.ts";
import { Connection, LIMITS, type Limits } from "../../src/store/postgres/connection.ts";
import { openPostgresStore } from "../../src/store/postgres/index.ts";
import { placeOf } from "../../src/store/postgres/place.ts";
import { PostgresStore } from "../../src/store/postgres/postgres-store.ts";
import { Listening } from "../../src/store/postgres/wake/listening.ts";
import { type Store, StoreError } from "../../src/store/store.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { batchOf, put, wantedFor } from "../../src/testing/store-batches.ts";
import { failureOf } from "../../src/testing/store-trial.ts";
import { plain, schemaOf, schemaUrl, statement, withSchema } from "../support/postgres.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { Proxy } from "../support/proxy.ts";
import { skipUnless } from "../support/skip.ts";

/** One record in a revision of its own. */
async function write(store: Store, id: string, atoms = {}): Promise<number | undefined> {
  const transactions = [{ puts: [put("items", id, atoms, ["red"])] }];
  const batch = await store.write("acme", wantedFor(transactions), (loaded) => batchOf(loaded, transactions));
  return batch?.entries[0]?.revision;
}

async function opened(url: string): Promise<Store> {
  const store = await openPostgresStore({ url });
  onTestFinished(() => store.close());
  return store;
}

/** A store with other patience, and how many connections it may have. */
async function openedWith(url: string, limits: Partial<Limits>, connections = 2): Promise<Store> {
  const place = await placeOf({ url });
  const connection = new Connection(place, connections, false, { ...LIMITS, ...limits });
  await connection.open();
  const store = new PostgresStore(connection, new Listening(null, async () => []));
  onTestFinished(() => store.close());
  return store;
}

/** Somebody else at the same database. */
function other(url: string): postgres.Sql {
  const sql = postgres(plain(url), { max: 1, onnotice: () => undefined, connection: { search_path: schemaOf(url) } });
  onTestFinished(() => sql.end({ timeout: 0 }));
  return sql;
}

async function proxyTo(url: string): Promise<Proxy> {
  const proxy = await Proxy.to(url);
  onTestFinished(() => proxy.close());
  return proxy;
}

const said = async (promise: Promise<unknown>) => {
  const failure = await failureOf(promise);
  expect(failure).toBeInstanceOf(StoreError);
  const { failure: kind, message } = failure as StoreError;
  return `${kind}: ${message}`;
};

/** Places in what is asked and in what is answered at which the connection is cut. */
const CUTS = process.env["TIDEMARK_LONG"] ? 500 : 35;

describe("a connection that breaks", () => {
  test("[R6 R5 W8 M1] at any byte of a write, what is asked or what is answered: the write is done once", async () => {
    const url = await schemaUrl();
    const proxy = await proxyTo(url);
    const store = await opened(proxy.url(url));
    const look = await opened(url);
    await write(store, "first");
    const before = { ...proxy.passed };
    await write(store, "second");
    const one = {
      asked: proxy.passed.asked - before.asked,
      answered: proxy.passed.answered - before.answered,
    };
    let writes = 2;
    for (const direction of ["asked", "answered"] as const) {
      const bytes = one[direction];
      for (let at = 0; at <= bytes; at += Math.ceil(bytes / CUTS)) {
        proxy.cutAfter(at, direction);
        expect(await write(store, `${direction}${at}`), `${direction} cut at ${at} of ${bytes}`).toBe(++writes);
        // What is left of a cut that came too late would hit the next one.
        proxy.cutAfter(Number.POSITIVE_INFINITY, direction);
      }
    }
    await checkWhole(look, writes);
  });
});

describe("somebody who holds the lock", () => {
  test("[R6 R5 G3] and is not heard of any more loses it: others write on, and it does so itself when it is back", async () => {
    const url = await schemaUrl();
    const proxy = await proxyTo(url);
    const hung = await openedWith(proxy.url(url), { idle: 200 });
    const store = await opened(url);
    await write(hung, "a");
    const transactions = [{ puts: [put("items", "late", {})] }];
    let tries = 0;
    const late = hung.write("acme", wantedFor(transactions), (loaded) => {
      // It has the lock, and what it would commit does not get out.
      if (tries++ === 0) proxy.stand();
      return batchOf(loaded, transactions);
    });
    late.catch(() => undefined);
    await expect.poll(() => tries).toBe(1);
    expect(await write(store, "b")).toBe(2);
    proxy.move();
    expect((await late)?.entries[0]?.revision).toBe(3);
    await checkWhole(store, 3);
  });

  test("[R6 R5] for too long is told of, and nothing hangs", async () => {
    const url = await schemaUrl();
    const store = await openedWith(url, { lock: 100 });
    await write(store, "a");
    const sql = other(url);
    await sql`BEGIN`;
    await sql`SELECT FROM space FOR UPDATE`;
    expect(await said(write(store, "b"))).toMatch(/^unavailable: .*55P03.*another server or a tool holds a lock/);
    expect((await store.head("acme"))?.revision).toBe(1);
    await sql`ROLLBACK`;
    expect(await write(store, "b")).toBe(2);
  });

  test("[R6 R5 M1] in a deadlock is tried again, to one outcome", async () => {
    const url = await schemaUrl();
    const store = await opened(url);
    await write(store, "a", { n: 1 });
    const sql = other(url);
    await sql`SET deadlock_timeout = '1h'`;
    await sql`BEGIN`;
    await sql`SELECT FROM record FOR UPDATE`;
    let tries = 0;
    const transactions = [{ puts: [put("items", "a", { n: 2 })] }];
    const written = store.write("acme", wantedFor(transactions), (loaded) => {
      tries++;
      return batchOf(loaded, transactions);
    });
    await expect.poll(() => tries).toBe(1);
    // Each now waits for the other, and the store's is the one that PostgreSQL ends.
    await sql`SELECT FROM space FOR UPDATE`;
    await sql`COMMIT`;
    expect([(await written)?.entries[0]?.revision, tries]).toEqual([2, 2]);
    await checkWhole(store, 2, 1);
  });
});

describe("a commit that PostgreSQL gives up", () => {
  test.each([
    ["a serialization failure", "40001", "in the middle"],
    ["a serialization failure", "40001", "at its end"],
    ["a deadlock", "40P01", "at its end"],
  ])("[R6 R5 M1] for %s (%s), %s, is done again, to one outcome", async (_, code, when) => {
    const url = await schemaUrl();
    const store = await opened(url);
    await write(store, "a");
    const sql = other(url);
    // A sequence counts also what is rolled back.
    await sql.unsafe(`CREATE SEQUENCE tries; CREATE FUNCTION give_up() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF nextval('tries') <= 2 THEN RAISE EXCEPTION 'no' USING ERRCODE = '${code}'; END IF; RETURN NULL; END $$`);
    const kind = when === "at its end" ? "CONSTRAINT TRIGGER" : "TRIGGER";
    const deferred = when === "at its end" ? "DEFERRABLE INITIALLY DEFERRED" : "";
    await sql.unsafe(
      `CREATE ${kind} give_up AFTER INSERT ON entry ${deferred} FOR EACH ROW EXECUTE FUNCTION give_up()`,
    );
    expect(await write(store, "b")).toBe(2);
    expect(await sql`SELECT last_value FROM tries`).toEqual([{ last_value: "3" }]);
    await checkWhole(store, 2);
  });
});

describe("a database that cannot be used", () => {
  test("[R6 R5] all connections busy: it is told, and nothing hangs", async () => {
    const url = await schemaUrl();
    const store = await openedWith(url, { busy: 50 }, 1);
    await write(store, "a");
    const sql = other(url);
    await sql`BEGIN`;
    await sql`SELECT FROM space FOR UPDATE`;
    const waiting = write(store, "b");
    expect(await said(store.head("acme"))).toMatch(/^unavailable: All 1 connections .* were busy.*`connections`/);
    await sql`ROLLBACK`;
    expect(await waiting).toBe(2);
  });

  test("[R5 A6] gone, closed, refused: each says why and what to do, and none the password", async () => {
    const url = await schemaUrl();
    const store = await opened(url);
    await write(store, "a");
    await store.close();
    const at = (change: (url: URL) => void) => {
      const changed = new URL(url);
      change(changed);
      return openPostgresStore({ url: changed.href });
    };
    const texts = [
      await said(store.head("acme")),
      await said(
        at((u) => {
          u.port = "1";
        }),
      ),
      await said(
        at((u) => {
          u.password = "not-s3cret";
        }),
      ),
      await said(
        at((u) => {
          u.pathname = "/nowhere";
        }),
      ),
      await said(openPostgresStore({ url: "postgres://me:s3cret@[broken/db" })),
      await said(openPostgresStore({ url: "https://me:s3cret@host/db" })),
      await said(openPostgresStore({ url, schema: 'a"b' })),
    ];
    const causes = [
      /closed/,
      /ECONNREFUSED/,
      /28P01.*check user and password/,
      /3D000.*CREATE DATABASE/,
      /form postgres:/,
      /form postgres:/,
      /does not match/,
    ];
    texts.forEach((text, i) => {
      expect(text).toMatch(causes[i] as RegExp);
      expect(text).not.toMatch(/s3cret/);
    });
  });

  test("[R7 R5] another program's tables, or a newer Tidemark's, are left alone, with a reason", async () => {
    const foreign = await schemaUrl();
    await statement(foreign, `CREATE SCHEMA "${schemaOf(foreign)}"; CREATE TABLE "${schemaOf(foreign)}".t (x int)`);
    const newer = await schemaUrl();
    await (await openPostgresStore({ url: newer })).close();
    await statement(newer, `UPDATE "${schemaOf(newer)}".tidemark_format SET format = 99`);
    for (const readonly of [true, false]) {
      expect(await said(openPostgresStore({ url: foreign, readonly }))).toMatch(
        /tables that are not Tidemark's.*schema=/,
      );
      expect(await said(openPostgresStore({ url: newer, readonly }))).toMatch(/newer Tidemark.*Update tidemark/);
      const missing = openPostgresStore({ url: await schemaUrl(), readonly });
      if (readonly) expect(await said(missing)).toMatch(/start the server on it once/);
      else await (await missing).close();
    }
  });

  skipUnless(process.getuid?.() === 0, "needs root")(
    "[R5] its disk full: it is said, reads go on, and so does writing when there is room again",
    async () => {
      const server = await PostgresServer.start();
      onTestFinished(() => server.end());
      const mount = join(server.folder, "small");
      mkdirSync(mount);
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", mount]);
      onTestFinished(() => void execFileSync("umount", ["-l", mount]));
      const { uid, gid } = statSync(join(server.folder, "data"));
      chownSync(mount, uid, gid);
      chmodSync(mount, 0o700);
      await statement(server.url, `CREATE TABLESPACE small LOCATION '${mount}'`);
      await statement(server.url, "ALTER DATABASE postgres SET default_tablespace = small");
      const store = await opened(withSchema(server.url, "small"));
      let settled = 0;
      const fill = async () => {
        for (;;) settled = (await write(store, `i${settled}`, { text: noise(4000) })) ?? 0;
      };
      expect(await said(fill())).toMatch(/^full: .*free some disk space/);
      expect(settled).toBeGreaterThan(10);
      await checkWhole(store, settled);
      execFileSync("mount", ["-o", "remount,size=64m", mount]);
      expect(await write(store, "more", { text: noise(4000) })).toBe(settled + 1);
    },
  );
});

test("[W8] a commit is on the disk before it is acknowledged, also where the database is set otherwise", async () => {
  const url = new URL(await schemaUrl());
  for (const [set, expected] of [
    ["off", "on"],
    ["local", "on"],
    ["remote_apply", "remote_apply"],
  ] as const) {
    url.searchParams.set("options", `-c synchronous_commit=${set}`);
    const connection = new Connection(await placeOf({ url: url.href }), 1, false);
    await connection.open();
    const found = await connection.write(async (session) => {
      const rows = await session.query<{ setting: string }>("SELECT current_setting('synchronous_commit') AS setting");
      return { result: rows[0]?.setting, sent: [], kept: async () => true };
    });
    expect(found).toBe(expected);
    connection.close();
  }
});

test("[R7 R4] servers that start together on an empty database all work", async () => {
  const url = await schemaUrl();
  const stores = await Promise.all(Array.from({ length: 6 }, () => opened(url)));
  await Promise.all(stores.map((store, i) => write(store, `r${i}`)));
  await checkWhole(stores[0] as Store, 6);
});

/** What does not get smaller. */
function noise(length: number): string {
  const random = seededRandom(String(length));
  return Array.from({ length }, () => String.fromCharCode(random.between(0x4e00, 0x9fff))).join("");
}

/** Every revision once, in a chain; each has added a record where nothing else is said. */
async function checkWhole(store: Store, revisions: number, records = revisions): Promise<void> {
  const snapshot = await store.read("acme", [
    { kind: "journal", after: 0, limit: 1e6 },
    { kind: "fingerprint", scope: "*" },
  ]);
  if (snapshot === null) throw new Error("the space is gone");
  const { head, results } = snapshot;
  const audit = auditEnd(auditRun(auditOf(head.horizon), results[0]), head);
  const counts = [head.revision, results[0].length, results[1].count];
  expect([audit.finding, ...counts]).toEqual([null, revisions, revisions, records]);
}
