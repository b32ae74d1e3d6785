import { must } from "../../../util/assert.ts";
import type { AdoptionHost } from "../../adopt.ts";
import type { Connection } from "../connection.ts";
import type { Session } from "../session.ts";
import { lockHead } from "../space.ts";
import type { Listening } from "../wake/listening.ts";
import type { Adopted } from "./adopted.ts";
import { partsOf } from "./names.ts";
import { record } from "./record.ts";
import { findRows, pageOfRows } from "./rows.ts";
import { readTables, recordTogether, type TableState, toBeCopied, writeTable } from "./state.ts";
import type { Table } from "./table.ts";
import { SET_TEXT } from "./values.ts";

/** Rows of one transaction. */
const PAGE = 500;

export interface Copying {
  readonly connection: Connection;
  readonly listening: Listening;
  readonly host: AdoptionHost;
  readonly adopted: Adopted;
  readonly stop: AbortSignal;
}

/**
 * Compares a table with its collection, page by page, and records what differs: the first copy, which finds nothing to
 * compare with, and what is done whenever the log may have missed something. Broken off, it goes on where it was. Each
 * page is read under the space's lock, so that it is not behind what a write has recorded; rows are not locked.
 */
export async function copyTable(copying: Copying, table: Table): Promise<void> {
  const { host, stop, adopted } = copying;
  host.log.info({ space: adopted.space, table: table.text }, "an adopted table is compared with its collection");
  for (let more = true; more && !stop.aborted; ) more = await step(copying, table, rowsStep);
  let after = "";
  for (let more = true; more && !stop.aborted; ) {
    more = await step(copying, table, async (session, state) => {
      const ids = await idsAfter(session, adopted.space, table.collection, after);
      const rows = await findRows(session, table, ids);
      after = ids.at(-1) ?? after;
      const gone = ids.filter((id) => !rows.has(id));
      const last = ids.length < PAGE;
      return {
        changes: gone.map((id) => ({ does: "remove", collection: table.collection, id }) as const),
        state: last ? { ...state, state: "following", copied: null } : state,
        more: !last,
      };
    });
  }
}

interface Step {
  readonly changes: Parameters<typeof record>[1][number]["changes"];
  readonly state: TableState;
  readonly more: boolean;
}

async function rowsStep(session: Session, state: TableState, table: Table): Promise<Step> {
  if (state.copied === "all") return { changes: [], state, more: false };
  const after = state.copied === null ? null : (JSON.parse(state.copied) as string[]);
  const rows = await pageOfRows(session, table, after, PAGE);
  const last = rows.at(-1);
  const more = rows.length === PAGE && last !== undefined;
  const copied = more ? JSON.stringify(partsOf(last.id, table.key.length)) : "all";
  const changes = rows.map((row) => ({ does: "put", collection: table.collection, ...row }) as const);
  return { changes, state: { ...state, copied }, more };
}

/** One transaction of a copy; false where it has ended, or where another has begun it anew. */
async function step(
  { connection, listening, host, adopted }: Copying,
  table: Table,
  make: (session: Session, state: TableState, table: Table) => Promise<Step>,
): Promise<boolean> {
  const { space } = adopted;
  const { more, wrote } = await connection.write(async (session) => {
    await session.query(SET_TEXT);
    const head = must(await lockHead(session, space), "an adopted space is there");
    const state = (await readTables(session, space)).get(table.collection) ?? toBeCopied(table);
    const next = await make(session, state, table);
    const recording = { session, space, head, host };
    const { batch, sent } = await record(recording, [{ origin: [table.text], changes: next.changes }]);
    await writeTable(session, space, next.state);
    if (next.state.state === "following") await recordTogether(session, space);
    // Done twice it finds nothing new.
    return { result: { more: next.more, wrote: batch.entries.length > 0 }, sent, kept: async () => false };
  });
  if (wrote) listening.tell(space);
  return more;
}

async function idsAfter(session: Session, space: string, collection: string, after: string): Promise<string[]> {
  const rows = await session.query<{ id: string }>(
    `SELECT id FROM record WHERE space = $1 AND collection = $2 AND id > $3 AND text IS NOT NULL ORDER BY id LIMIT ${PAGE}`,
    [space, collection, after],
  );
  return rows.map(({ id }) => id);
}
