import type { JsonObject } from "../util/json.ts";
import { type Author, authorOf, type Key, keyOf } from "./record.ts";

/** What one transaction of SQL did to a row of an adopted table (section T). */
export type TableChange =
  | {
      readonly does: "put";
      readonly collection: string;
      readonly id: string;
      /** The row as it is now; an atom that is neither here nor in `keep` is absent. */
      readonly atoms: JsonObject;
      /** Atoms that the change left as they were, and does not tell. */
      readonly keep: readonly string[];
      /** The id that the row had before, where its key changed. */
      readonly was?: string;
    }
  | { readonly does: "remove"; readonly collection: string; readonly id: string }
  /** All records go, save those of `except`, of which something newer is known. */
  | { readonly does: "clear"; readonly collection: string; readonly except: ReadonlySet<string> };

export interface TableTransaction {
  /** The tables, as they are named to people. */
  readonly origin: readonly string[];
  readonly changes: readonly TableChange[];
}

/** The author of what came out of tables: no principal, so that it is nobody's own (W1), and the tables as its client. */
export function tableAuthor(origin: readonly string[]): Author {
  return authorOf("", [...new Set(origin)].sort().join(","));
}

/** The records that a transaction is about; those that a `clear` is about are to be loaded by their collection. */
export function keysOf({ changes }: TableTransaction): Key[] {
  return changes.flatMap((change) => {
    if (change.does === "clear") return [];
    const { collection, id } = change;
    const was = change.does === "put" && change.was !== undefined ? [keyOf(collection, change.was)] : [];
    return [keyOf(collection, id), ...was];
  });
}
