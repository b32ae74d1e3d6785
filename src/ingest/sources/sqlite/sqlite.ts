import { type Source, SourceError } from "../../source.ts";
import { tableStream } from "../sql/read.ts";
import type { SqlTable } from "../sql/table.ts";
import { SqliteSnapshot } from "./snapshot.ts";

export interface SqliteOptions {
  /** Of the source. */
  readonly name: string;
  /** The file. It is opened for reading only. */
  readonly path: string;
  readonly tables: readonly SqlTable[];
}

/**
 * Tables of a SQLite database that another program writes.
 *
 * @example
 * sqlite({ name: "shop", path: "shop.db", tables: [{ table: "orders", key: ["id"], cursor: "changed_at" }] })
 */
export function sqlite({ name, path, tables }: SqliteOptions): Source {
  if (tables.length === 0) throw new SourceError("protocol", `${name}: name a table at least`);
  return {
    name,
    async check({ now }) {
      for (const table of tables) await (await SqliteSnapshot.open(path, table, now())).close();
    },
    streams: tables.map((table) => tableStream(table, ({ now }) => SqliteSnapshot.open(path, table, now()))),
  };
}
