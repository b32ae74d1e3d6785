import type { TableChange } from "../../../model/table-change.ts";
import { idOf } from "./names.ts";
import type { LoggedTransaction, Relation, Tuple } from "./pgoutput.ts";
import { readRow, type Table } from "./table.ts";

/** What a transaction of the log did to adopted tables; of others, and of those that are paused, nothing. */
export function changesOf(
  transaction: LoggedTransaction,
  tables: readonly Table[],
): { readonly origin: readonly string[]; readonly changes: readonly TableChange[] } {
  const byOid = new Map(tables.map((table) => [table.oid, table]));
  const origin = new Set<string>();
  const changes: TableChange[] = [];
  const add = (relation: Relation, make: (table: Table) => TableChange) => {
    const table = byOid.get(relation.oid);
    if (table === undefined) return;
    origin.add(table.text);
    changes.push(make(table));
  };
  for (const change of transaction.changes) {
    if (change.does === "truncate") {
      for (const relation of change.relations) {
        add(relation, ({ collection }) => ({ does: "clear", collection, except: new Set() }));
      }
    } else if (change.does === "delete") {
      const { relation, old } = change;
      add(relation, (table) => ({ does: "remove", collection: table.collection, id: idIn(table, relation, old) }));
    } else {
      const { relation, row } = change;
      const old = change.does === "update" ? change.old : null;
      add(relation, (table) => {
        const read = readRow(table, (column) => textIn(relation, row, old, column));
        const put = { does: "put", collection: table.collection, ...read } as const;
        return old === null ? put : { ...put, was: idIn(table, relation, old) };
      });
    }
  }
  return { origin: [...origin], changes };
}

/**
 * A column's text. Of one that the row does not tell the old row may, with REPLICA IDENTITY FULL; in an old row that is a
 * key alone it is NULL, which what is too large to be told again never was.
 */
function textIn(relation: Relation, row: Tuple, old: Tuple | null, column: string): string | null | undefined {
  const at = relation.columns.indexOf(column);
  if (at < 0) return undefined;
  return row[at] === undefined ? (old?.[at] ?? undefined) : row[at];
}

function idIn({ key }: Table, relation: Relation, tuple: Tuple): string {
  return idOf(key.map(({ name }) => tuple[relation.columns.indexOf(name)] ?? ""));
}
