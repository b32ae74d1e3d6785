import { type Key, keyOf } from "../../../model/record.ts";
import type { TableTransaction } from "../../../model/table-change.ts";
import { keysOf } from "../../../model/table-change.ts";
import { recordTables } from "../../../model/tables.ts";
import { Working } from "../../../model/working.ts";
import type { AdoptionHost } from "../../adopt.ts";
import type { Batch, Head, Loaded } from "../../store.ts";
import { commit } from "../commit.ts";
import { loadRows } from "../row.ts";
import type { Session } from "../session.ts";

/** What a transaction that records tables works with. */
export interface Recording {
  readonly session: Session;
  readonly space: string;
  /** Read under the space's lock. */
  readonly head: Head;
  readonly host: AdoptionHost;
}

/** Decides and sends what tables say, one revision for each transaction, within a transaction that holds the space's lock. */
export async function record(
  { session, space, head, host }: Recording,
  transactions: readonly TableTransaction[],
): Promise<{ batch: Batch; sent: Promise<unknown>[] }> {
  const keys = new Set(transactions.flatMap(keysOf));
  for (const collection of clearedIn(transactions)) {
    for (const key of await keysIn(session, space, collection)) keys.add(key);
  }
  const rows = await loadRows(session, space, [...keys]);
  const loaded: Loaded = {
    head,
    rows,
    families: new Map(),
    clients: new Map(),
    outcomes: new Map(),
    hashes: new Map(),
  };
  const working = new Working(loaded);
  for (const transaction of transactions) {
    for (const { key, reason } of recordTables(working, transaction, host.rules())) {
      host.log.error({ space, collection: key.slice(0, key.indexOf("/")), reason }, "a row does not fit as it is");
    }
  }
  const batch = working.batch();
  const sent = commit(session, space, loaded, batch);
  return { batch, sent };
}

function clearedIn(transactions: readonly TableTransaction[]): Set<string> {
  const changes = transactions.flatMap((transaction) => transaction.changes);
  return new Set(changes.flatMap((change) => (change.does === "clear" ? [change.collection] : [])));
}

async function keysIn(session: Session, space: string, collection: string): Promise<Key[]> {
  const rows = await session.query<{ id: string }>(
    "SELECT id FROM record WHERE space = $1 AND collection = $2 AND text IS NOT NULL",
    [space, collection],
  );
  return rows.map(({ id }) => keyOf(collection, id));
}
