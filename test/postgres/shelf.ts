import { openPostgresStore } from "../../src/store/postgres/index.ts";
import type { Shelf } from "../oracle/place.ts";
import { schemaUrl, statement, TABLES, withSchema } from "../support/postgres.ts";

/** A schema for each store. It is copied as it lies, as a backup would. */
export async function postgresShelf(): Promise<Shelf & { urlOf(name: string): string }> {
  const first = new URL(await schemaUrl());
  const prefix = first.searchParams.get("schema") as string;
  first.searchParams.delete("schema");
  const server = first.href;
  const made = new Set<string>();
  const schemaOf = (name: string) => {
    made.add(name);
    return `${prefix}_${name}`;
  };
  const urlOf = (name: string) => withSchema(server, schemaOf(name));
  const open = (name: string) => openPostgresStore({ url: urlOf(name), connections: 3 });
  return {
    open,
    urlOf,
    async copy(from, to) {
      await (await open(to)).close();
      const copies = TABLES.map((table) => `INSERT INTO "${schemaOf(to)}".${table} TABLE "${schemaOf(from)}".${table}`);
      await statement(server, copies.join(";"));
    },
    async end() {
      await statement(server, [...made].map((name) => `DROP SCHEMA "${schemaOf(name)}" CASCADE`).join(";"));
    },
  };
}
