import type { PostgresPlace } from "../../../store/postgres/place.ts";
import { type Source, SourceError, type Stream } from "../../source.ts";
import { tableStream } from "../sql/read.ts";
import type { SqlTable } from "../sql/table.ts";
import { type FollowedTable, followedStream } from "./followed.ts";
import { PostgresSnapshot } from "./snapshot.ts";

export interface PostgresOptions extends Pick<PostgresPlace, "url" | "sql" | "pool" | "driver"> {
  /** Of the source. */
  readonly name: string;
  readonly tables: readonly (SqlTable | FollowedTable)[];
}

/**
 * Tables and views of a PostgreSQL database that other programs write, with the driver `postgres` or `pg`. A table is read by
 * a cursor, whole, or, with `capture: "replication"`, followed in PostgreSQL's log, deletions included.
 *
 * @example
 * postgres({ name: "shop", url, tables: [
 *   { table: "public.orders", key: ["id"], cursor: "changed_at" },
 *   { table: "public.customers", key: ["id"], capture: "replication", slot: "tidemark_customers" },
 * ] })
 */
export function postgres({ name, tables, ...place }: PostgresOptions): Source {
  if (tables.length === 0) throw new SourceError("protocol", `${name}: name a table at least`);
  return {
    name,
    async check({ signal }) {
      for (const table of tables) await (await PostgresSnapshot.open(place, table, signal)).close();
    },
    streams: tables.map((table): Stream => {
      if ("capture" in table) return followedStream(place, table);
      return tableStream(table, ({ signal }) => PostgresSnapshot.open(place, table, signal));
    }),
  };
}
