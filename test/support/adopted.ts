import { expect, onTestFinished } from "vitest";
import type { RecordData } from "../../src/model/record.ts";
import type { AdoptedTable, Config, Log } from "../../src/server/index.ts";
import type { Capture } from "../../src/store/adopt.ts";
import { openPostgresStore } from "../../src/store/postgres/index.ts";
import type { JournalEntry, Store } from "../../src/store/store.ts";
import { schemaOf, schemaUrl, statement, withDriver } from "./postgres.ts";
import { TestServer } from "./server.ts";

/** Tables of somebody else, in a schema of their own, and servers that adopt them into the space acme. */
export class Shop {
  readonly url: string;
  /** Of the tables. */
  readonly schema: string;
  readonly capture: Capture;
  readonly log: string[] = [];

  private constructor(url: string, capture: Capture) {
    this.url = url;
    this.schema = `${schemaOf(url)}_shop`;
    this.capture = capture;
  }

  /** `tables`: statements that make them, in which `shop` stands for the schema. */
  static async open(capture: Capture, tables: string): Promise<Shop> {
    // The log is followed with this driver alone.
    const url = capture === "replication" ? withDriver(await schemaUrl(), "postgres") : await schemaUrl();
    const shop = new Shop(url, capture);
    onTestFinished(async () => {
      await statement(
        url,
        `DO $$ DECLARE p text; BEGIN
           FOR p IN SELECT slot_name FROM pg_replication_slots s
             WHERE NOT active AND slot_name IN (SELECT slot FROM ${schemaOf(url)}.adopted_space)
           LOOP PERFORM pg_drop_replication_slot(p); END LOOP;
         END $$`,
      ).catch(() => undefined);
      await statement(url, `DROP SCHEMA IF EXISTS ${shop.schema} CASCADE`);
    });
    await statement(url, `CREATE SCHEMA ${shop.schema}`);
    await shop.sql(tables);
    return shop;
  }

  /** Statements of another program; several are one transaction. */
  sql<Row>(text: string): Promise<Row[]> {
    return statement<Row>(this.url, text.replaceAll("shop.", `${this.schema}.`));
  }

  config(tables: { [collection: string]: Partial<AdoptedTable> }): Config {
    const entries = Object.entries(tables).map(([name, table]) => {
      return [name, { ...table, table: `${this.schema}.${table.table ?? name}` }] as const;
    });
    return {
      collections: Object.fromEntries(entries.map(([name]) => [name, {}])),
      adopt: { acme: { capture: this.capture, tables: Object.fromEntries(entries) } },
    };
  }

  /** Waits until all tables are copied, and what changed meanwhile is recorded. */
  async following(): Promise<void> {
    const ours = schemaOf(this.url);
    const open = async () => {
      const [row] = await this.sql<{ open: number }>(
        `SELECT (SELECT count(*) FROM ${ours}.adopted_table WHERE state = 'copying')::int
           + (SELECT count(*) FROM ${ours}.adopted_space WHERE together IS NOT NULL)::int
           + (SELECT 1 - count(*) FROM ${ours}.adopted_space)::int AS open`,
      );
      return row?.open;
    };
    await until(open, 0);
  }

  async serve(config: Config): Promise<TestServer> {
    const store = await openPostgresStore({ url: this.url });
    const log: Log = {
      info: () => undefined,
      error: (fields, message) => void this.log.push(`${message} ${JSON.stringify(fields)}`),
    };
    const server = new TestServer(config, { store, log });
    onTestFinished(() => server[Symbol.asyncDispose]());
    await server.server.ready;
    return server;
  }
}

/** The records of a collection, by id. */
export async function recordsOf(store: Store, collection: string): Promise<{ [id: string]: RecordData }> {
  const page = { kind: "page", scope: "*", collections: [collection], after: null, limit: 1e6, bytes: 1e9 } as const;
  const snapshot = await store.read("acme", [page]);
  const runs = snapshot?.results[0].runs ?? [];
  const records = runs.flatMap(({ records: texts }) => JSON.parse(`[${texts}]`) as RecordData[]);
  return Object.fromEntries(records.map((record) => [record.id, record]));
}

export async function entriesOf(store: Store): Promise<(JournalEntry & { cut: false })[]> {
  const snapshot = await store.read("acme", [{ kind: "journal", after: 0, limit: 1e6 }]);
  return (snapshot?.results[0] ?? []) as (JournalEntry & { cut: false })[];
}

/** Waits until what is asked stands so. */
export async function until<T>(ask: () => Promise<T>, wanted: T): Promise<void> {
  await expect.poll(ask, { timeout: 60_000, interval: 50 }).toEqual(wanted);
}
