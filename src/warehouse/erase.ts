import type { TableSet } from "./tables.ts";
import type { Work } from "./work.ts";

/** The rows of records that were erased stay, with their ids and times, and hold no values (K2). */
export async function eraseVersions(
  work: Work,
  tables: TableSet,
  collection: string,
  ids: readonly string[],
): Promise<void> {
  const columns = tables.tables[collection]?.columns ?? [];
  if (ids.length === 0 || columns.length === 0) return;
  await work.erase();
  const empty = Object.fromEntries(columns.map(({ name }) => [name, null]));
  const rows = ids.map((id) => ({ id, ...empty }));
  const fields = tables.fields(collection).filter(({ name }) => name === "id" || Object.hasOwn(empty, name));
  await work.session.apply({ do: "patch", table: tables.named(collection), fields, rows, where: null });
}
