import { quote } from "../../../store/postgres/adopt/names.ts";
import type { LoggedTransaction, Tuple } from "../../../store/postgres/adopt/pgoutput.ts";
import { lsnOf, lsnText } from "../../../store/postgres/adopt/seen.ts";
import { lossOf, publish } from "../../../store/postgres/adopt/slot.ts";
import { LogStream } from "../../../store/postgres/adopt/stream.ts";
import { describe, type Table } from "../../../store/postgres/adopt/table.ts";
import { jsonOf, rowOf } from "../../../store/postgres/adopt/values.ts";
import type { Place, PostgresPlace } from "../../../store/postgres/place.ts";
import type { Session } from "../../../store/postgres/session.ts";
import { isObject, type Json, type JsonObject } from "../../../util/json.ts";
import { type Page, type ReadContext, type SourceChange, SourceError, type Stream } from "../../source.ts";
import { streamName } from "../sql/table.ts";
import { connect, released, saying } from "./connect.ts";
import { copied } from "./copied.ts";

/** A table that is followed in PostgreSQL's log (wal_level = logical), with the driver `postgres`. */
export interface FollowedTable {
  /** Of the stream; that of the table where it is left out. */
  readonly name?: string;
  /** `schema.table`, or a table of `public`. */
  readonly table: string;
  /** The columns that tell one row from another. */
  readonly key: readonly string[];
  readonly capture: "replication";
  /**
   * Of the replication slot and of the publication, which are made where they are missing. PostgreSQL keeps its log for a
   * slot until it is read: one for each space that follows the table, dropped when it does so no more.
   */
  readonly slot: string;
}

/** Milliseconds between two looks at how far the log has come, and without any progress until the run is given up. */
const LOOK = 50;
const SILENCE = 30_000;

export function followedStream(place: PostgresPlace, table: FollowedTable): Stream {
  return {
    name: streamName(table),
    key: table.key,
    deletes: "reported",
    async *read(context) {
      if (context.window !== undefined)
        throw new SourceError("protocol", `${table.table} is followed: it has no windows`);
      const { place: at, session } = await connect(place, context.signal);
      try {
        const described = await saying(at, () => checked(at, session, table));
        const position = positionOf(context.cursor);
        if (position === null) yield* copied(place, at, session, described, { ...table, signal: context.signal });
        else yield* logged(at, session, described, table.slot, position, context);
      } finally {
        session.close();
      }
    },
  };
}

async function checked(place: Place, session: Session, { table, key, slot }: FollowedTable): Promise<Table> {
  if (place.replication === null)
    throw new SourceError("protocol", "PostgreSQL's log is followed with the driver postgres: npm install postgres");
  if (!/^[a-z0-9_]{1,63}$/.test(slot))
    throw new SourceError("protocol", `the slot ${JSON.stringify(slot)} does not match [a-z0-9_]{1,63}`);
  const [server] = await session.query<{ version: string }>("SELECT current_setting('server_version_num') AS version");
  // Stored generated columns are in the log from 18 on.
  const generated = Number(server?.version) >= 180_000;
  const described = await describe(session, { collection: "rows", table, key }, generated);
  if ("flaw" in described) throw new SourceError("protocol", described.flaw);
  await publish(session, slot, [described]);
  return described;
}

/**
 * What was committed since the position, which is stored by now: so PostgreSQL need not keep it longer. A TRUNCATE asks for
 * a complete pass, whose deletions are judged as such.
 */
async function* logged(
  place: Place,
  session: Session,
  table: Table,
  slot: string,
  position: string,
  { signal }: ReadContext,
): AsyncGenerator<Page> {
  const loss = await saying(place, () => lossOf(session, { capture: "replication", slot, position, together: null }));
  if (loss !== null)
    throw new SourceError("position", `the slot ${slot} does not tell all that came since ${position}: ${loss}`);
  const [head] = await saying(place, () =>
    session.query<{ lsn: string }>("SELECT pg_current_wal_flush_lsn()::text AS lsn"),
  );
  const until = lsnOf(head?.lsn ?? "0/0");
  await saying(place, () => released(session, slot, signal));
  const log = await saying(place, () => LogStream.open(place, slot, slot, position));
  try {
    log.acknowledge(position);
    let reached = position;
    let silent = 0;
    while (lsnOf(reached) < until) {
      const news = await saying(place, () => log.news(LOOK, signal));
      signal.throwIfAborted();
      silent = news.length === 0 && log.reached === reached ? silent + LOOK : 0;
      if (silent > SILENCE)
        throw new SourceError("unreachable", `PostgreSQL at ${place.driver.text} tells nothing of the slot ${slot}`);
      reached = log.reached;
      const changes = await saying(place, () => changesIn(session, table, news));
      if (changes.length > 0) yield { changes, cursor: { position: reached } };
    }
    yield { changes: [], cursor: { position: reached }, last: "caught-up" };
  } finally {
    log.close();
  }
}

async function changesIn(
  session: Session,
  table: Table,
  transactions: readonly LoggedTransaction[],
): Promise<SourceChange[]> {
  const found: SourceChange[] = [];
  for (const { position, changes } of transactions) {
    const at = `${table.text}@${lsnText(position)}`;
    const gone = (key: readonly string[]) => found.push({ op: "delete", key, position: at });
    for (const change of changes) {
      if (change.does === "truncate") {
        if (!change.relations.some(({ oid }) => oid === table.oid)) continue;
        throw new SourceError("position", `${table.text} was emptied by TRUNCATE: a complete pass is needed`);
      }
      if (change.relation.oid !== table.oid) continue;
      const { columns } = change.relation;
      if (change.does === "delete") {
        gone(keyIn(table, columns, change.old));
        continue;
      }
      const key = keyIn(table, columns, change.row);
      const before = change.does === "update" && change.old !== null ? keyIn(table, columns, change.old) : key;
      if (JSON.stringify(before) !== JSON.stringify(key)) gone(before);
      const value = valueIn(table, columns, change.row) ?? (await rowOfKey(session, table, key));
      if (value !== null) found.push({ op: "put", key, value, position: at });
    }
  }
  return found;
}

function keyIn({ key }: Table, columns: readonly string[], tuple: Tuple): string[] {
  return key.map(({ name }) => tuple[columns.indexOf(name)] ?? "");
}

/** Null: a large value is not told, since the change did not touch it, or the table had not that column then. */
function valueIn({ columns }: Table, told: readonly string[], tuple: Tuple): JsonObject | null {
  const value: { [column: string]: Json } = {};
  for (const { name, kind } of columns) {
    const text = tuple[told.indexOf(name)];
    if (text === undefined) return null;
    value[name] = text === null ? null : jsonOf(kind, text);
  }
  return value;
}

/** A row as it is now; the log tells later what led there. Null: it is gone by now. */
async function rowOfKey(session: Session, table: Table, key: readonly string[]): Promise<JsonObject | null> {
  const where = table.key.map(({ name, type }, i) => `${quote(name)} = $${i + 1}::text::${type}`).join(" AND ");
  const list = table.columns.map(({ name }) => quote(name)).join(", ");
  const [row] = await session.query<{ row: string }>(
    `SELECT ROW(${list})::text AS row FROM ${table.sql} WHERE ${where}`,
    key,
  );
  if (row === undefined) return null;
  return valueIn(
    table,
    table.columns.map(({ name }) => name),
    rowOf(row.row),
  );
}

function positionOf(cursor: Json): string | null {
  const { position } = (isObject(cursor) ? cursor : {}) as { position?: Json };
  return typeof position === "string" ? position : null;
}
