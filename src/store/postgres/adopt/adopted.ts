import { type Key, keyOf, keyParts } from "../../../model/record.ts";
import type { TableChange, TableTransaction } from "../../../model/table-change.ts";
import { type Json, type JsonObject, sameJson } from "../../../util/json.ts";
import { type AdoptionPlan, RowBusy } from "../../adopt.ts";
import type { Batch, Loaded } from "../../store.ts";
import { type Connection, LIMITS } from "../connection.ts";
import { LOCK_TIMEOUT, ServerError } from "../failure.ts";
import type { Session } from "../session.ts";
import { lockHead } from "../space.ts";
import { lockRows, type TableRow } from "./rows.ts";
import { markNoted, markSeen } from "./seen.ts";
import { readTables, toBeCopied, writeTable } from "./state.ts";
import { describe, type Flaw, type Table } from "./table.ts";
import { SET_TEXT } from "./values.ts";
import { type Tables, writeBack } from "./write-back.ts";

/** The rows of the records that a write is about, locked; null: there is none. */
export type LockedRows = ReadonlyMap<Key, TableRow | null>;

/** How long a write waits for a row that another program has locked, in milliseconds. */
const ROW_WAIT = 2_000;

/** What a write to a space does with its adopted tables: before it is decided, and after. */
export class Adopted {
  readonly space: string;
  readonly plan: AdoptionPlan;
  #tables: Tables = new Map();

  constructor(space: string, plan: AdoptionPlan) {
    this.space = space;
    this.plan = plan;
  }

  get tables(): Tables {
    return this.#tables;
  }

  get described(): readonly Table[] {
    return isTable(this.#tables);
  }

  /**
   * Looks at the tables as they are now. One that is new is noted before a write can reach it: from then on its collection
   * holds only what is of the table.
   */
  async look(connection: Connection): Promise<void> {
    const { space } = this;
    this.#tables = await connection.write(async (session) => {
      let tables = await this.#describe(session);
      const known = await readTables(session, space);
      const isNew = (table: Table) => !known.get(table.collection)?.source;
      if (isTable(tables).some(isNew)) {
        await lockHead(session, space);
        tables = new Map(tables);
        for (const table of isTable(tables).filter(isNew)) {
          const cause = await occupied(session, space, table);
          if (cause === null) await writeTable(session, space, toBeCopied(table));
          else tables.set(table.collection, { flaw: cause });
        }
      }
      return { result: tables, sent: [], kept: async () => false };
    });
  }

  async #describe(session: Session): Promise<Map<string, Table | Flaw>> {
    const generated = this.plan.capture === "triggers" || (await tellsGenerated(session));
    const tables = new Map<string, Table | Flaw>();
    for (const plan of this.plan.tables) tables.set(plan.collection, await describe(session, plan, generated));
    return tables;
  }

  /** Locks the rows before the space, so that who waits for a row keeps nobody from the space. */
  async lock(session: Session, keys: Iterable<Key>): Promise<LockedRows> {
    const byTable = new Map<Table, string[]>();
    for (const { collection, id } of [...keys].map(keyParts)) {
      const table = this.#tables.get(collection);
      if (table === undefined || "flaw" in table) continue;
      byTable.set(table, [...(byTable.get(table) ?? []), id]);
    }
    const locked = new Map<Key, TableRow | null>();
    if (byTable.size === 0) return locked;
    await session.query(`${SET_TEXT}; SET LOCAL lock_timeout = ${ROW_WAIT}`);
    await busy(this.#lockAll(session, byTable, locked));
    await session.query(`SET LOCAL lock_timeout = ${LIMITS.lock}`);
    return locked;
  }

  async #lockAll(
    session: Session,
    byTable: ReadonlyMap<Table, readonly string[]>,
    locked: Map<Key, TableRow | null>,
  ): Promise<void> {
    for (const [table, ids] of [...byTable].sort(([a], [b]) => (a.sql < b.sql ? -1 : 1))) {
      const rows = await lockRows(session, table, ids);
      for (const id of ids) locked.set(keyOf(table.collection, id), rows.get(id) ?? null);
    }
  }

  /** What the tables say that the records do not: recorded before the write is decided, so that nothing is overwritten. */
  differences(locked: LockedRows, { rows }: Loaded): TableTransaction[] {
    const origin: string[] = [];
    const changes: TableChange[] = [];
    for (const [key, row] of locked) {
      const { collection, id } = keyParts(key);
      const text = rows.get(key)?.text ?? null;
      if (row === null && text === null) continue;
      if (row !== null && text !== null && sameRow(row, JSON.parse(text) as JsonObject)) continue;
      origin.push((this.#tables.get(collection) as Table).text);
      changes.push(row === null ? { does: "remove", collection, id } : { does: "put", collection, ...row });
    }
    return changes.length === 0 ? [] : [{ origin, changes }];
  }

  /** Writes to the tables what the batch's mutations did, and notes which rows are known up to now. */
  send(session: Session, locked: LockedRows, batch: Batch): Promise<unknown>[] {
    // Constraints and triggers may wait for rows of others, and the space waits with them: not for long.
    const hurry = session.query(`SET LOCAL lock_timeout = ${ROW_WAIT}`);
    const sent = writeBack(session, this.#tables, batch).map(busy);
    const known = new Set([...locked].flatMap(([key, row]) => (row === null ? [] : [key])));
    for (const { mutation, changes } of batch.entries) {
      if (mutation === 0) continue;
      for (const { change } of changes) {
        if (this.#tables.has(change.collection)) known.add(keyOf(change.collection, change.id));
      }
    }
    const mark = this.plan.capture === "replication" ? markSeen : markNoted;
    const marked = mark(session, this.space, known);
    for (const one of [hurry, marked, ...sent]) one.catch(() => undefined);
    return [hurry, ...sent, marked];
  }
}

async function busy<T>(sent: Promise<T>): Promise<T> {
  try {
    return await sent;
  } catch (error) {
    if (!(error instanceof ServerError) || error.code !== LOCK_TIMEOUT) throw error;
    throw new RowBusy("another program keeps a row of an adopted table locked", { cause: error });
  }
}

function isTable(tables: Tables): Table[] {
  return [...tables.values()].filter((table): table is Table => !("flaw" in table));
}

/** Why a table cannot become a collection that has never been one of a table; null where it can. */
async function occupied(session: Session, space: string, { collection, text }: Table): Promise<string | null> {
  const [record] = await session.query<{ one: number }>(
    "SELECT 1 AS one FROM record WHERE space = $1 AND collection = $2 AND text IS NOT NULL LIMIT 1",
    [space, collection],
  );
  if (record === undefined) return null;
  return `The collection ${collection} holds records that are not of ${text}: delete them, or give the table another collection.`;
}

function sameRow({ atoms }: TableRow, record: JsonObject): boolean {
  const names = new Set([...Object.keys(atoms), ...Object.keys(record)]);
  names.delete("id");
  return [...names].every((name) => sameJson(own(atoms, name), own(record, name)));
}

function own(object: JsonObject, name: string): Json {
  return Object.hasOwn(object, name) ? (object[name] as Json) : null;
}

/** Whether the log tells of generated columns: from PostgreSQL 18 on. */
async function tellsGenerated(session: Session): Promise<boolean> {
  const [row] = await session.query<{ version: string }>("SELECT current_setting('server_version_num') AS version");
  return Number(row?.version) >= 180_000;
}
