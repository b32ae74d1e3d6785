import postgres from "postgres";
import { record } from "../records.ts";

/** The floors on PostgreSQL: the same rows by the same driver, in a table with a key and nothing else. */

export interface BareRow {
  readonly id: string;
  readonly text: string;
}

/** An address without what the driver does not know. */
export function plain(url: string): string {
  return url.split("?")[0] as string;
}

export async function makeBare(url: string): Promise<void> {
  const sql = postgres(plain(url), { max: 1, onnotice: () => undefined });
  await sql.unsafe(`CREATE SCHEMA bare; CREATE TABLE bare.rows (id text COLLATE "C" PRIMARY KEY, text text NOT NULL)`);
  await sql.end();
}

/** One statement, one commit. */
export async function insertRows(sql: postgres.Sql, rows: readonly BareRow[]): Promise<void> {
  const ids = rows.map(({ id }) => id);
  const texts = rows.map(({ text }) => text);
  await sql`INSERT INTO bare.rows SELECT * FROM unnest(${ids}::text[], ${texts}::text[])`;
}

let made = 0;

export function bareRow(): BareRow {
  const number = made++;
  const data = record(number);
  return { id: `${process.pid}-${number}`, text: JSON.stringify(data) };
}

export function bareRows(count: number): BareRow[] {
  return Array.from({ length: count }, bareRow);
}

/** Rows a second, in commits of so many, one after the other on one connection. */
export async function insertRate(sql: postgres.Sql, seconds: number, batch: number): Promise<number> {
  const batches = Array.from({ length: 300 }, () => bareRows(batch));
  const start = performance.now();
  const end = start + seconds * 1_000;
  let rows = 0;
  while (performance.now() < end) {
    await insertRows(sql, batches.pop() ?? bareRows(batch));
    rows += batch;
  }
  return (rows * 1_000) / (performance.now() - start);
}
