import type { PostgresPlace } from "../../../store/postgres/place.ts";
import { type Source, SourceError, type Stream } from "../../source.ts";
import { tableStream } from "../sql/read.ts";
import type { SqlTable } from "../sql/table.ts";
import { PostgresSnapshot } from "./snapshot.ts";

export interface PostgresOptions extends Pick<PostgresPlace, "url" | "sql" | "pool" | "driver"> {
  /** Of the source. */
  readonly name: string;
  readonly tables: readonly SqlTable[];
}

/**
 * Tables and views of a PostgreSQL database that other programs write, with the driver `postgres` or `pg`.
 *
 * @example
 * postgres({ name: "shop", url, tables: [{ table: "public.orders", key: ["id"], cursor: "changed_at" }] })
 */
export function postgres({ name, tables, ...place }: PostgresOptions): Source {
  if (tables.length === 0) throw new SourceError("protocol", `${name}: name a table at least`);
  return {
    name,
    async check({ signal }) {
      for (const table of tables) await (await PostgresSnapshot.open(place, table, signal)).close();
    },
    streams: tables.map(
      (table): Stream => tableStream(table, ({ signal }) => PostgresSnapshot.open(place, table, signal)),
    ),
  };
}
