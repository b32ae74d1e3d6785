import { Connection } from "../postgres/connection.ts";
import { keepOrder } from "../postgres/orders.ts";
import { type PostgresPlace, placeOf } from "../postgres/place.ts";
import type { Session } from "../postgres/session.ts";
import { columnsOf } from "../postgres/values.ts";
import { StoreError } from "../store.ts";
import { Source } from "./source.ts";
import { type Column, TABLES, type Table, type Value } from "./tables.ts";

/** Rows of one statement, and about how many characters: it is built whole, on both sides. */
const ROWS = 5_000;
const CHARACTERS = 8 * 1024 * 1024;

export interface Moved {
  readonly spaces: number;
  /** By table. */
  readonly rows: Readonly<Record<string, number>>;
  /** The database held all of it already, from a move that was ended between its commit and the new name of the folder's. */
  readonly before: boolean;
}

/**
 * Moves all spaces of a data folder into a database of PostgreSQL: journal, records, outcomes, links, accounts, all with
 * their revisions and hashes, so that clients go on as if nothing had been. It is one transaction: killed at any moment,
 * the database has everything or nothing, and the folder is as it was until then. Afterwards the folder's database has
 * another name, so that no server takes it up again.
 *
 * - `progress` is told how many rows are moved, of how many.
 * @throws StoreError where a server has the folder open, or the schema holds spaces already.
 * @example await moveToPostgres("./data", { url: "postgres://tidemark@db.internal/app" });
 */
export async function moveToPostgres(
  folder: string,
  to: PostgresPlace,
  progress: (done: number, of: number) => void = () => {},
): Promise<Moved> {
  const place = await placeOf(to);
  const source = Source.open(folder);
  const connection = new Connection(place, 1, false);
  try {
    await connection.open();
    const heads = source.heads();
    const rows = Object.fromEntries(TABLES.map((table) => [table.name, source.count(table)]));
    const before = await connection.write(async (session) => {
      const kept = async (other: Session) => same(await headsOf(other), heads);
      await session.query("LOCK TABLE space IN SHARE ROW EXCLUSIVE MODE");
      const found = await headsOf(session);
      if (found.length > 0 && !same(found, heads)) throw new StoreError("unavailable", occupied(place.text));
      if (found.length === 0) await copy(session, source, rows, progress);
      for (const order of source.orders()) await keepOrder(session, place.schema, order);
      return { result: found.length > 0, sent: [], kept };
    });
    await connection.write(async (session) => {
      for (const { name } of TABLES) await session.query(`ANALYZE ${name}`);
      return { result: null, sent: [], kept: async () => true };
    });
    source.retire();
    return { spaces: heads.length, rows, before };
  } finally {
    connection.close();
    source.close();
  }
}

async function copy(
  session: Session,
  source: Source,
  counts: Readonly<Record<string, number>>,
  progress: (done: number, of: number) => void,
): Promise<void> {
  const of = Object.values(counts).reduce((sum, count) => sum + count, 0);
  let done = 0;
  for (const table of TABLES) {
    for (const piece of pieces(source.rows(table))) {
      await session.query(insertOf(table), columnsOf(piece, table.columns.length));
      done += piece.length;
      progress(done, of);
    }
    const [found] = await session.query<{ count: string }>(`SELECT count(*) AS count FROM ${table.name}`);
    if (Number(found?.count) === counts[table.name]) continue;
    throw new StoreError(
      "damaged",
      `Of ${table.name} ${found?.count} of ${counts[table.name]} rows arrived; nothing was kept.`,
    );
  }
}

function* pieces(rows: Iterable<Value[]>): Generator<Value[][]> {
  let piece: Value[][] = [];
  let characters = 0;
  for (const row of rows) {
    piece.push(row);
    for (const value of row) if (typeof value === "string") characters += value.length;
    if (piece.length < ROWS && characters < CHARACTERS) continue;
    yield piece;
    piece = [];
    characters = 0;
  }
  if (piece.length > 0) yield piece;
}

function insertOf({ name, columns }: Table): string {
  const names = columns.map((column) => column.name).join(", ");
  const from = columns.map((column, i) => `$${i + 1}::text::${sentAs(column)}[]`).join(", ");
  const values = columns.map((column, i) => takenAs(column, `c${i}`)).join(", ");
  const given = columns.map((_, i) => `c${i}`).join(", ");
  return `INSERT INTO ${name} (${names}) SELECT ${values} FROM unnest(${from}) b(${given})`;
}

const sentAs = ({ type }: Column) => (type === "bytea" || type === "text[]" ? "text" : type);

function takenAs({ type }: Column, name: string): string {
  if (type === "bytea") return `decode(${name}, 'hex')`;
  return type === "text[]" ? `${name}::text[]` : name;
}

async function headsOf(session: Session): Promise<string[]> {
  const found = await session.query<{ head: string }>(
    `SELECT name || ' ' || revision || ' ' || encode(hash, 'hex') AS head FROM space ORDER BY name`,
  );
  return found.map(({ head }) => head);
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((head, i) => head === b[i]);
}

function occupied(place: string): string {
  return `${place} holds spaces already, and nothing is moved over them: name another schema with ?schema=NAME.`;
}
