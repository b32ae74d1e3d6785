import type { TableChange } from "../../../model/table-change.ts";
import { sha256Hex } from "../../../util/sha256.ts";
import type { Session } from "../session.ts";
import { literal, quote } from "./names.ts";
import { readRow, type Table } from "./table.ts";
import { rowOf, TEXT_SETTINGS } from "./values.ts";

/**
 * Makes the triggers that note changes, where they are missing. The function runs as the one who made it, so that the
 * programs that write need no right to Tidemark's tables; it notes the row as PostgreSQL writes it, whatever columns that
 * has, so that no change of the table makes it fail.
 */
export async function makeTriggers(session: Session, schema: string, space: string, tables: readonly Table[]) {
  const settings = Object.entries(TEXT_SETTINGS).map(([name, value]) => `SET ${name} = ${literal(value)}`);
  const note = `${quote(schema)}.tidemark_note`;
  await session.query(`CREATE OR REPLACE FUNCTION ${note}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog ${settings.join(" ")} AS $note$
    BEGIN
      INSERT INTO ${quote(schema)}.adopted_change (space, collection, xid, op, names, before, after)
      VALUES (TG_ARGV[0], TG_ARGV[1], pg_current_xact_id(), left(TG_OP, 1),
        ARRAY(SELECT attname::text FROM pg_attribute
          WHERE attrelid = TG_RELID AND attnum > 0 AND NOT attisdropped ORDER BY attnum),
        CASE WHEN TG_OP IN ('UPDATE', 'DELETE') THEN OLD::text END,
        CASE WHEN TG_OP IN ('INSERT', 'UPDATE') THEN NEW::text END);
      RETURN NULL;
    END $note$`);
  for (const table of tables) {
    for (const [name, when] of triggersOf(schema, space, table)) {
      const [there] = await session.query<{ one: number }>(
        "SELECT 1 AS one FROM pg_trigger WHERE tgrelid = $1::text::oid AND tgname = $2",
        [table.oid, name],
      );
      if (there !== undefined) continue;
      // It waits for those who write to the table, and they wait for it: not for long.
      await session
        .query(
          `BEGIN; SET LOCAL lock_timeout = 2000;
         CREATE TRIGGER ${quote(name)} AFTER ${when} EXECUTE FUNCTION ${note}(${literal(space)}, ${literal(table.collection)});
         COMMIT`,
        )
        .catch(async (error) => {
          await session.query("ROLLBACK");
          throw error;
        });
    }
  }
}

/** Named so that they come after others: what those change is noted too. */
function triggersOf(schema: string, space: string, { sql, collection }: Table): [name: string, when: string][] {
  const name = `zz_tidemark_${sha256Hex(`${schema}/${space}/${collection}`).slice(0, 16)}`;
  return [
    [`${name}_rows`, `INSERT OR UPDATE OR DELETE ON ${sql} FOR EACH ROW`],
    [`${name}_all`, `TRUNCATE ON ${sql} FOR EACH STATEMENT`],
  ];
}

/** Removes the triggers of a space's collections that are no longer adopted. */
export async function dropTriggers(
  session: Session,
  schema: string,
  space: string,
  kept: ReadonlySet<string>,
): Promise<void> {
  const found = await session.query<{ name: string; on: string; args: string }>(
    `SELECT t.tgname AS name, t.tgrelid::regclass::text AS "on", encode(t.tgargs, 'escape') AS args
     FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
     WHERE p.proname = 'tidemark_note' AND p.pronamespace = $1::text::regnamespace AND t.tgparentid = 0`,
    [quote(schema)],
  );
  for (const { name, on, args } of found) {
    const [of, collection = ""] = args.split("\\000");
    if (of !== space || kept.has(collection)) continue;
    await session.query(`DROP TRIGGER IF EXISTS ${quote(name)} ON ${on}`);
  }
}

export interface NotedTransaction {
  readonly xid: string;
  /** Of its last change: transactions that wait for each other's rows are in the order of these. */
  readonly position: bigint;
  readonly origin: readonly string[];
  readonly changes: readonly TableChange[];
}

interface Noted {
  readonly seq: string;
  readonly collection: string;
  readonly xid: string;
  readonly op: "I" | "U" | "D" | "T";
  readonly names: string;
  readonly before: string | null;
  readonly after: string | null;
}

/**
 * Takes all that has been noted, to be recorded in the same transaction. Nothing depends on the order in
 * which numbers become visible: what is taken is gone, and what is not yet visible is taken later. Of two transactions
 * that wrote the same row, the later one could not begin to write it before the other had committed, so that its
 * numbers are greater, and whoever sees it sees the other.
 */
export async function takeNoted(
  session: Session,
  space: string,
  tables: readonly Table[],
): Promise<readonly NotedTransaction[]> {
  const rows = await session.query<Noted>(
    `WITH taken AS (DELETE FROM adopted_change WHERE space = $1 RETURNING *)
     SELECT seq, collection, xid::text, op, to_json(names)::text AS names, before, after FROM taken ORDER BY seq`,
    [space],
  );
  const byCollection = new Map(tables.map((table) => [table.collection, table]));
  const byXid = new Map<string, { position: bigint; origin: string[]; changes: TableChange[] }>();
  for (const row of rows) {
    const transaction = byXid.get(row.xid) ?? { position: 0n, origin: [], changes: [] };
    byXid.set(row.xid, transaction);
    transaction.position = BigInt(row.seq);
    const table = byCollection.get(row.collection);
    if (table === undefined) continue;
    transaction.origin.push(table.text);
    transaction.changes.push(changeOf(table, row));
  }
  const transactions = [...byXid].map(([xid, one]) => ({ xid, ...one }));
  return transactions.sort((a, b) => (a.position < b.position ? -1 : 1));
}

function changeOf(table: Table, { op, names, before, after }: Noted): TableChange {
  const { collection } = table;
  if (op === "T") return { does: "clear", collection, except: new Set() };
  const columns = JSON.parse(names) as string[];
  const read = (row: string | null) => {
    const values = row === null ? [] : rowOf(row);
    return readRow(table, (column) => values[columns.indexOf(column)]);
  };
  if (op === "D") return { does: "remove", collection, id: read(before).id };
  const put = { does: "put", collection, ...read(after) } as const;
  return op === "I" ? put : { ...put, was: read(before).id };
}
