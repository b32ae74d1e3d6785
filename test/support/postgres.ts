import postgres from "postgres";
import { inject, onTestFinished } from "vitest";
import { openPostgresStore } from "../../src/store/postgres/index.ts";
import type { Store } from "../../src/store/store.ts";

let elsewhere: (() => Promise<string>) | null = null;

/** The tests of this file run on another PostgreSQL than that of the test run. */
export function postgresIs(where: () => Promise<string>): void {
  elsewhere = where;
}

/** Where the PostgreSQL of this test run is: it is started when the first test asks. */
export async function sharedPostgres(): Promise<string> {
  if (elsewhere !== null) return elsewhere();
  const answer = await fetch(inject("postgresAt"));
  if (!answer.ok) throw new Error(await answer.text());
  return answer.text();
}

/** All that hold data. */
export const TABLES = ["space", "record", "scope", "member", "fingerprint", "entry", "client", "outcome", "note"];

let schemas = 0;

/** The address of an empty schema for one test; it goes when the test ends. */
export async function schemaUrl(): Promise<string> {
  const url = await newUrl();
  onTestFinished(() => drop(url));
  return url;
}

async function newUrl(): Promise<string> {
  const schema = `t${process.pid}_${Date.now().toString(36)}_${schemas++}`;
  return withSchema(await sharedPostgres(), schema);
}

let driver = process.env["TIDEMARK_TEST_PG_DRIVER"] ?? null;

/** The stores of a test file are opened with this driver, `postgres` or `pg`. */
export function driverIs(name: string): void {
  driver = name;
}

async function drop(url: string): Promise<void> {
  await statement(url, `DROP SCHEMA IF EXISTS "${schemaOf(url)}" CASCADE`);
}

const emptied: string[] = [];

/**
 * As `schemaUrl`, but with the tables of an earlier test, emptied: to make them takes longer than most tests. Who uses it
 * calls `dropEmptied` after all.
 */
export async function emptyUrl(): Promise<string> {
  const url = emptied.pop() ?? (await newUrl());
  onTestFinished(async () => {
    await statement(url, TABLES.map((table) => `DELETE FROM "${schemaOf(url)}".${table}`).join(";"));
    emptied.push(url);
  });
  return url;
}

export async function dropEmptied(): Promise<void> {
  for (const url of emptied.splice(0)) await drop(url);
}

export function withSchema(url: string, schema: string): string {
  return `${url}${url.includes("?") ? "&" : "?"}schema=${schema}${driver === null ? "" : `&driver=${driver}`}`;
}

export function withDriver(url: string, name: string): string {
  const address = new URL(url);
  address.searchParams.set("driver", name);
  return address.href;
}

export function schemaOf(url: string): string {
  return new URL(url).searchParams.get("schema") as string;
}

/** The address without what the driver does not know. */
export function plain(url: string): string {
  const address = new URL(url);
  for (const name of ["schema", "driver"]) address.searchParams.delete(name);
  return address.href;
}

/** A store on an empty schema, for who cannot wait until it is open. */
export function postgresStore(): Store {
  const opening = emptyUrl().then((url) => openPostgresStore({ url }));
  return {
    head: async (space) => (await opening).head(space),
    spaces: async () => (await opening).spaces(),
    read: async (space, queries) => (await opening).read(space, queries),
    write: async (space, wanted, decide) => (await opening).write(space, wanted, decide),
    cut: async (space, horizon, slice) => (await opening).cut(space, horizon, slice),
    setRestore: async (space, policy) => (await opening).setRestore(space, policy),
    note: async (space, name) => (await opening).note(space, name),
    setNote: async (space, name, text) => (await opening).setNote(space, name, text),
    order: async (order) => (await opening).order(order),
    orders: async () => (await opening).orders(),
    rewrite: async () => (await opening).rewrite(),
    watch(listener) {
      const stopped = opening.then((store) => store.watch(listener));
      return () => void stopped.then((stop) => stop());
    },
    size: async () => (await opening).size(),
    close: async () => (await opening).close(),
  };
}

/** One statement by somebody who is not Tidemark. */
export async function statement<Row>(url: string, text: string): Promise<Row[]> {
  const sql = postgres(plain(url), { max: 1, onnotice: () => undefined });
  try {
    return (await sql.unsafe(text)) as unknown as Row[];
  } finally {
    await sql.end();
  }
}
