import type { Column } from "./columns.ts";
import type { Field } from "./sink.ts";
import type { Mode } from "./state.ts";

/** What a table of each mode holds beside the atoms. */
const SYSTEM: { readonly [M in Mode]: readonly Field[] } = {
  current: [
    { name: "id", type: "text" },
    { name: "_rev", type: "bigint" },
    { name: "_synced_at", type: "timestamp" },
    { name: "_deleted_at", type: "timestamp" },
  ],
  history: [
    { name: "id", type: "text" },
    { name: "_valid_from", type: "bigint" },
    { name: "_valid_to", type: "bigint" },
    { name: "_from_at", type: "timestamp" },
    { name: "_to_at", type: "timestamp" },
    { name: "_exact", type: "boolean" },
  ],
  append: [
    { name: "id", type: "text" },
    { name: "_op", type: "text" },
    { name: "_atoms", type: "json" },
    { name: "_rev", type: "bigint" },
    { name: "_synced_at", type: "timestamp" },
  ],
};

const KEYS: { readonly [M in Mode]: readonly string[] } = {
  current: ["id"],
  history: ["id", "_valid_from"],
  append: [],
};

export function keyFields(mode: Mode): readonly string[] {
  return KEYS[mode];
}

export function fieldsOf(mode: Mode, columns: readonly Column[]): readonly Field[] {
  return [...SYSTEM[mode], ...columns];
}

export function reservedNames(mode: Mode): readonly string[] {
  return SYSTEM[mode].map(({ name }) => name);
}

/** The column that is null in those rows that hold what is there now. */
export function presentWhere(mode: Mode): string {
  return mode === "history" ? "_valid_to" : "_deleted_at";
}
