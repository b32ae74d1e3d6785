import { literal, quote } from "../../../store/postgres/adopt/names.ts";
import type { Table } from "../../../store/postgres/adopt/table.ts";
import { failureOf } from "../../../store/postgres/driver/postgres-js.ts";
import type { Place, PostgresPlace } from "../../../store/postgres/place.ts";
import type { Session } from "../../../store/postgres/session.ts";
import { must } from "../../../util/assert.ts";
import type { Page } from "../../source.ts";
import { released, saying } from "./connect.ts";
import { PostgresSnapshot } from "./snapshot.ts";

interface Copying {
  readonly slot: string;
  readonly signal: AbortSignal;
}

/**
 * A table as it was at the very position of the log from which a new slot tells what comes: nothing is missed between, and
 * nothing is told twice. A copy that was cut begins anew, with another slot.
 */
export async function* copied(
  options: PostgresPlace,
  place: Place,
  session: Session,
  table: Table,
  { slot, signal }: Copying,
): AsyncGenerator<Page> {
  await saying(place, async () => {
    if (await released(session, slot, signal)) await session.query(`SELECT pg_drop_replication_slot(${literal(slot)})`);
  });
  const made = await makeSlot(place, slot, signal);
  const columns = table.columns.map(({ name }) => name);
  const key = table.key.map(({ name }) => name);
  const told = { table: table.text, key, columns };
  const opening = PostgresSnapshot.open(options, told, signal, made.snapshot);
  // Who has taken the snapshot over keeps it.
  const snapshot = await opening.finally(made.close);
  let begins = true;
  try {
    for await (const rows of snapshot.pages({ of: "all" })) {
      const changes = rows.map((row) => {
        const parts = row.key as readonly string[];
        return { op: "put", key: parts, value: row.value, position: `${table.text}#${parts.join(",")}` } as const;
      });
      yield { changes, cursor: null, ...(begins && { begins }) };
      begins = false;
    }
  } finally {
    await snapshot.close();
  }
  yield { changes: [], cursor: { position: made.position }, last: "complete", ...(begins && { begins }) };
}

/** A slot, and the snapshot of where it begins: that lasts as long as nothing else is asked by this connection. */
async function makeSlot(
  place: Place,
  slot: string,
  signal: AbortSignal,
): Promise<{ position: string; snapshot: string; close: () => void }> {
  const sql = must(place.replication, "a source without it was refused")(() => undefined, { replication: "database" });
  const close = () => {
    signal.removeEventListener("abort", close);
    void sql.end({ timeout: 0 }).catch(() => undefined);
  };
  signal.addEventListener("abort", close);
  return await saying(place, async () => {
    try {
      const [row] = await sql.unsafe(`CREATE_REPLICATION_SLOT ${quote(slot)} LOGICAL pgoutput EXPORT_SNAPSHOT`);
      return { position: String(row?.["consistent_point"]), snapshot: String(row?.["snapshot_name"]), close };
    } catch (error) {
      close();
      throw failureOf(error);
    }
  });
}
