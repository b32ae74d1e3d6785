import { literal, quote } from "../../../store/postgres/adopt/names.ts";
import { jsonOf, type Kind, kindOf, rowOf } from "../../../store/postgres/adopt/values.ts";
import type { Place, PostgresPlace } from "../../../store/postgres/place.ts";
import type { Session } from "../../../store/postgres/session.ts";
import { systemClock } from "../../../util/clock.ts";
import { SourceError } from "../../source.ts";
import type { MarkValue } from "../../watermark.ts";
import { cursorOf, markValueOf, PAGE, type Part, type Snapshot, type SqlRow, type SqlTable } from "../sql/table.ts";
import { connect, saying } from "./connect.ts";

/** Milliseconds that transactions which are open are waited for, and between two looks. */
const PATIENCE = 2_000;
const LOOK = 50;

interface Column {
  readonly name: string;
  readonly kind: Kind;
  /** The type that a text is cast to. */
  readonly type: string;
  readonly isNumber: boolean;
  readonly isText: boolean;
}

const NUMBERS = ["int2", "int4", "int8", "numeric", "float4", "float8", "oid"];

/**
 * A table of PostgreSQL as it was at one instant (REPEATABLE READ), whatever is written meanwhile.
 *
 * Rows become visible when their transaction commits, not when they are stamped. So before the instant it is noted how far
 * the cursor goes and which transactions write; when all of these have ended, all rows up to there are visible, and
 * the mark may go there. While one of them is open the mark stays (`settled` is null), however long that takes. A
 * transaction that has its time from its beginning, and writes first after that note, is what the lag is for.
 */
export class PostgresSnapshot implements Snapshot {
  readonly start: number;
  readonly settled?: MarkValue | null;
  readonly #place: Place;
  readonly #session: Session;
  readonly #table: SqlTable;
  readonly #columns: readonly Column[];
  readonly #cursor: Column | null;
  #asked = 0;

  private constructor(
    { place, session }: { place: Place; session: Session },
    table: SqlTable,
    columns: readonly Column[],
    { start, settled }: { start: number; settled: MarkValue | null },
  ) {
    this.#place = place;
    this.#session = session;
    this.#table = table;
    this.#columns = columns;
    this.#cursor = columns.find(({ name }) => name === cursorOf(table)?.column) ?? null;
    this.start = start;
    if (this.#cursor !== null) this.settled = settled;
  }

  /** - `exported`: the name of a snapshot that another session holds, which is read instead of a new one. */
  static async open(
    options: PostgresPlace,
    table: SqlTable,
    signal: AbortSignal,
    exported?: string,
  ): Promise<PostgresSnapshot> {
    const connected = await connect(options, signal);
    const { place, session } = connected;
    try {
      return await saying(place, async () => {
        const columns = await columnsOf(session, table, place);
        const cursor = columns.find(({ name }) => name === cursorOf(table)?.column);
        const noted = await note(session, table, cursor, signal);
        await session.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        if (exported !== undefined) await session.query(`SET TRANSACTION SNAPSHOT ${literal(exported)}`);
        return new PostgresSnapshot(connected, table, columns, noted);
      });
    } catch (error) {
      session.close();
      throw error;
    }
  }

  async *pages(part: Part): AsyncGenerator<readonly SqlRow[]> {
    // Sorted once, and fetched page by page.
    const name = `tidemark_${this.#asked++}`;
    const ask = (text: string) => saying(this.#place, () => this.#session.query<{ row: string }>(text));
    await ask(`DECLARE ${name} NO SCROLL CURSOR FOR ${this.#statement(part)}`);
    for (;;) {
      const found = await ask(`FETCH ${PAGE} FROM ${name}`);
      if (found.length > 0) yield found.map(({ row }) => this.#rowOf(row));
      if (found.length < PAGE) break;
    }
    await ask(`CLOSE ${name}`);
  }

  async close(): Promise<void> {
    this.#session.close();
  }

  #statement(part: Part): string {
    const key = this.#table.key.map(quote);
    const where = [part.of === "keyless" ? `num_nulls(${key.join(", ")}) > 0` : `num_nulls(${key.join(", ")}) = 0`];
    const cursor = this.#cursor;
    let order = key;
    if (part.of === "unvalued" && cursor !== null) where.push(`${quote(cursor.name)} IS NULL`);
    if (part.of === "valued" && cursor !== null) {
      const column = ordered(cursor);
      order = [column, ...key];
      where.push(`${quote(cursor.name)} IS NOT NULL`);
      if (part.from !== null) where.push(`${column} >= ${literal(String(part.from))}::${cursor.type}`);
      if (part.to !== null) where.push(`${column} < ${literal(String(part.to))}::${cursor.type}`);
    }
    const row = `ROW(${this.#columns.map(({ name }) => quote(name)).join(", ")})::text AS row`;
    return `SELECT ${row} FROM ${sqlName(this.#table)} WHERE ${where.join(" AND ")} ORDER BY ${order.join(", ")}`;
  }

  #rowOf(row: string): SqlRow {
    const texts = rowOf(row);
    const told = new Map(this.#columns.map(({ name }, i) => [name, texts[i] ?? null]));
    const v = this.#cursor === null ? null : (told.get(this.#cursor.name) ?? null);
    return {
      key: this.#table.key.map((column) => told.get(column) ?? null),
      v: v === null ? null : valueOf(this.#cursor as Column, v),
      value: Object.fromEntries(
        this.#columns.map(({ name, kind }, i) => {
          const text = texts[i] ?? null;
          return [name, text === null ? null : jsonOf(kind, text)];
        }),
      ),
    };
  }
}

/** How far the cursor goes, when all transactions have ended that might still bring rows before that; null: they go on. */
async function note(
  session: Session,
  table: SqlTable,
  cursor: Column | undefined,
  signal: AbortSignal,
): Promise<{ start: number; settled: MarkValue | null }> {
  const most = cursor === undefined ? "NULL" : `(SELECT max(${ordered(cursor)}) FROM ${sqlName(table)})::text`;
  const [noted] = await session.query<{ most: string | null; xmin: string; xmax: string; now: number }>(
    `SELECT ${most} AS most, pg_snapshot_xmin(pg_current_snapshot())::text AS xmin,
       pg_snapshot_xmax(pg_current_snapshot())::text AS xmax, (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now`,
  );
  const start = noted?.now ?? 0;
  if (cursor === undefined || noted?.most == null) return { start, settled: null };
  let oldest = BigInt(noted.xmin);
  for (let waited = 0; oldest < BigInt(noted.xmax) && waited < PATIENCE && !signal.aborted; waited += LOOK) {
    await systemClock.sleep(LOOK, signal);
    const [now] = await session.query<{ xmin: string }>("SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS xmin");
    oldest = BigInt(now?.xmin ?? 0);
  }
  return { start, settled: oldest < BigInt(noted.xmax) ? null : valueOf(cursor, noted.most) };
}

async function columnsOf(session: Session, table: SqlTable, place: Place): Promise<readonly Column[]> {
  const rows = await session.query<{ name: string; type: string; list: boolean; cast: string; category: string }>(
    `SELECT a.attname::text AS name, t.typname::text AS type, t.typcategory = 'A' AS list,
       format_type(a.atttypid, NULL) AS cast, t.typcategory::text AS category
     FROM pg_attribute a JOIN pg_type ty ON ty.oid = a.atttypid
       JOIN pg_type t ON t.oid = CASE WHEN ty.typtype = 'd' THEN ty.typbasetype ELSE ty.oid END
     WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    [sqlName(table)],
  );
  const where = `PostgreSQL at ${place.driver.text}`;
  if (rows.length === 0)
    throw new SourceError("protocol", `${where} has no table ${table.table}: correct its name, with its schema`);
  const cursor = cursorOf(table)?.column;
  const named = [...table.key, ...[cursor, table.deleted].filter((name) => name !== undefined)];
  const wanted =
    table.columns === undefined ? rows.map(({ name }) => name) : [...new Set([...named, ...table.columns])];
  const lacks = [...named, ...wanted].find((column) => !rows.some(({ name }) => name === column));
  if (lacks !== undefined)
    throw new SourceError(
      "protocol",
      `${where}: ${table.table} has no column ${lacks}: it has ${rows.map(({ name }) => name).join(", ")}`,
    );
  return rows
    .filter(({ name }) => wanted.includes(name))
    .map(({ name, type, list, cast, category }) => ({
      name,
      kind: kindOf(type, list, undefined),
      type: cast,
      isNumber: NUMBERS.includes(type),
      isText: category === "S",
    }));
}

/** Texts are compared by their bytes, as marks are. */
function ordered({ name, isText }: Column): string {
  return isText ? `${quote(name)} COLLATE "C"` : quote(name);
}

function valueOf({ isNumber }: Column, text: string): MarkValue {
  if (!isNumber) return text;
  return markValueOf(/^-?\d+$/.test(text) ? BigInt(text) : Number(text));
}

function sqlName({ table }: SqlTable): string {
  const cut = table.indexOf(".");
  return cut < 0 ? `public.${quote(table)}` : `${quote(table.slice(0, cut))}.${quote(table.slice(cut + 1))}`;
}
