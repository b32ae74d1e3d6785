import type { ErasureOrder } from "../store.ts";
import type { Session } from "./session.ts";
import { quoted } from "./tables.ts";

/** A schema of its own, so that a dump of the spaces' schema, and what restores it, leaves the orders alone (K2). */
function schemaOf(schema: string): string {
  return quoted(`${schema.slice(0, 54)}_erasure`);
}

interface OrderColumns extends Omit<ErasureOrder, "order" | "time"> {
  readonly name: string;
  readonly time: string;
}

export async function keepOrder(session: Session, schema: string, order: ErasureOrder): Promise<void> {
  const own = schemaOf(schema);
  if (!(await isThere(session, own))) {
    await session.query("SELECT pg_advisory_xact_lock(hashtext('tidemark erasure'), hashtext($1))", [schema]);
    await session.query(`CREATE SCHEMA IF NOT EXISTS ${own}`);
    await session.query(
      `CREATE TABLE IF NOT EXISTS ${own}.erasure (
         space text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL, collection text NOT NULL, id text NOT NULL,
         time bigint NOT NULL, author text NOT NULL, PRIMARY KEY (space, name))`,
    );
  }
  const { space, collection, id, time, author } = order;
  await session.query(
    `INSERT INTO ${own}.erasure (space, name, collection, id, time, author) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (space, name) DO NOTHING`,
    [space, order.order, collection, id, time, author],
  );
}

export async function ordersOf(session: Session, schema: string): Promise<readonly ErasureOrder[]> {
  const own = schemaOf(schema);
  if (!(await isThere(session, own))) return [];
  const rows = await session.query<OrderColumns>(
    `SELECT name, space, collection, id, time, author FROM ${own}.erasure ORDER BY time, space, name`,
  );
  return rows.map(({ name, time, ...rest }) => ({ order: name, ...rest, time: Number(time) }));
}

async function isThere(session: Session, own: string): Promise<boolean> {
  const [row] = await session.query<{ there: boolean }>("SELECT to_regclass($1) IS NOT NULL AS there", [
    `${own}.erasure`,
  ]);
  return row?.there === true;
}
