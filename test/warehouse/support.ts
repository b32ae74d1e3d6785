import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { RecordData } from "../../src/model/record.ts";
import type { Config } from "../../src/server/index.ts";
import { listen } from "../../src/server/index.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import type { Random } from "../../src/util/random.ts";
import {
  duckdbSink,
  openWarehouse,
  parquetSink,
  postgresSink,
  type Sink,
  type Warehouse,
  type WarehouseOptions,
} from "../../src/warehouse/index.ts";
import type { JournalResponse } from "../../src/wire/journal.ts";
import { folderOf } from "../support/folder.ts";
import { schemaUrl } from "../support/postgres.ts";
import { TestServer } from "../support/server.ts";

export const KINDS = ["duckdb", "postgres", "parquet"] as const;
export type Kind = (typeof KINDS)[number];

/** Where a warehouse of this kind is, for one test. */
export async function placeOf(kind: Kind): Promise<string> {
  if (kind === "postgres") return await schemaUrl();
  return join(folderOf(), kind === "duckdb" ? "warehouse.duckdb" : "warehouse");
}

export function sinkOf(kind: Kind, place: string): Sink {
  return { duckdb: duckdbSink, postgres: postgresSink, parquet: parquetSink }[kind](place);
}

export const SPACE = "acme";
const COLLECTIONS: Config = { collections: { items: {}, people: {} } };

/** A server that listens, and its address. */
export async function listening(config: Config = COLLECTIONS): Promise<{ server: TestServer; url: string }> {
  const server = new TestServer(config, { store: openSqliteStore({ path: join(folderOf(), "server") }) });
  const { url, close } = await listen(server.server, { host: "127.0.0.1", port: 0 });
  onTestFinished(() => close());
  return { server, url };
}

type Options = Partial<WarehouseOptions> & { readonly url: string };

export async function warehouseIn(kind: Kind, options: Options, place?: string): Promise<Warehouse> {
  const sink = sinkOf(kind, place ?? (await placeOf(kind)));
  const warehouse = openWarehouse({ space: SPACE, sink, ...options });
  onTestFinished(() => warehouse.close());
  return warehouse;
}

/** Writes some transactions of inserts, updates and deletes; what it leaves is the server's to tell. */
export async function scribble(server: TestServer, random: Random, transactions: number): Promise<void> {
  const pick = (n: number) => Math.floor(random.fraction() * n);
  for (let i = 0; i < transactions; i++) {
    const id = `i${pick(40)}`;
    const there = await stateOf(server).then((all) => all.get("items")?.has(id) ?? false);
    const atoms = {
      n: pick(1_000),
      ...(pick(3) === 0 && { text: `t${pick(9)}` }),
      ...(pick(4) === 0 && { list: [pick(5)] }),
    };
    const collection = "items";
    if (!there) await server.write("w", { op: "insert", collection, record: { id, ...atoms } });
    else if (pick(4) === 0) await server.write("w", { op: "delete", collection, id });
    else
      await server.write("w", {
        op: "update",
        collection,
        record: { id, ...atoms, ...(pick(5) === 0 && { text: null }) },
      });
  }
}

export type Contents = Map<string, Map<string, RecordData>>;

export async function journalOf(server: TestServer): Promise<JournalResponse["entries"]> {
  const entries: JournalResponse["entries"][number][] = [];
  for (let since = 0; ; ) {
    const response = await server.request(`/v1/spaces/${SPACE}/journal?since=${since}&limit=1000`);
    if (response.status === 404) return [];
    const page = ((await response.json()) as JournalResponse).entries;
    if (page.length === 0) return entries;
    entries.push(...page);
    since = page.at(-1)?.revision ?? since;
  }
}

/** What the journal replays to, up to a revision: the judge of every warehouse. */
export async function stateOf(server: TestServer, until = Number.POSITIVE_INFINITY): Promise<Contents> {
  return replayed(await journalOf(server), until);
}

export function replayed(entries: JournalResponse["entries"], until: number): Contents {
  const contents: Contents = new Map();
  for (const { revision, changes = [] } of entries) {
    if (revision > until) break;
    for (const { collection, id, before, after } of changes) {
      const records = contents.get(collection) ?? new Map<string, RecordData>();
      contents.set(collection, records);
      if (after === null) records.delete(id);
      else {
        const all = Object.entries({ ...(before === null ? {} : records.get(id)), id, ...after });
        records.set(id, Object.fromEntries(all.filter(([, value]) => value !== null)) as RecordData);
      }
    }
  }
  return contents;
}

/** The records of a collection as a warehouse has them, atoms that are null left out, JSON parsed. */
export async function rowsOf(warehouse: Warehouse, collection: string, where: string): Promise<RecordData[]> {
  const columns = (await warehouse.status())?.tables.find((table) => table.collection === collection)?.columns ?? [];
  const wanted = columns.map(({ name, type }) =>
    type === "json" ? `CAST("${name}" AS text) AS "${name}"` : `"${name}"`,
  );
  const { rows } = await warehouse.query(`SELECT ${["id", ...wanted].join(", ")} FROM "${collection}" WHERE ${where}`);
  const records = rows.map((row) => {
    const record: { [atom: string]: unknown } = { id: row.id };
    for (const { atom, name, type } of columns) {
      const value = row[name];
      if (value === null || value === undefined) continue;
      if (type === "bigint" || type === "double") record[atom] = Number(value);
      else record[atom] = type === "json" && typeof value === "string" ? JSON.parse(value) : value;
    }
    return record as RecordData;
  });
  return sorted(records);
}

export function sorted(records: Iterable<RecordData>): RecordData[] {
  return [...records].sort((a, b) => (a.id < b.id ? -1 : 1));
}

export const present = "_deleted_at IS NULL";
