import { systemClock } from "../../../util/clock.ts";
import { randomName, systemRandom } from "../../../util/random.ts";
import { sha256Hex } from "../../../util/sha256.ts";
import { StoreError } from "../../store.ts";
import type { Session } from "../session.ts";
import { literal, quote } from "./names.ts";
import { lsnOf } from "./seen.ts";
import { type Following, readFollowing, writeFollowing } from "./state.ts";
import type { Table } from "./table.ts";

/** Of a space of a schema: the same at every start, since the tables in it are. */
export function publicationOf(schema: string, space: string): string {
  return `tidemark_${sha256Hex(`${schema}/${space}`).slice(0, 20)}`;
}

/** A slot that may have been lost gets another name, so that nobody takes it for the one before. */
function newSlot(): string {
  return `tidemark_${randomName(systemRandom)
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "_")}`.slice(0, 63);
}

/** Publishes the tables, and no others. Resolves when no transaction is open any more that began before. */
export async function publish(session: Session, publication: string, tables: readonly Table[]): Promise<void> {
  const [level] = await session.query<{ level: string; version: string }>(
    "SELECT current_setting('wal_level') AS level, current_setting('server_version_num') AS version",
  );
  if (level?.level !== "logical") {
    const cure = 'set wal_level = logical and restart PostgreSQL, or adopt with capture: "triggers"';
    throw new StoreError(
      "unavailable",
      `PostgreSQL writes no log that can be followed (wal_level ${level?.level}): ${cure}.`,
    );
  }
  const there = await session.query<{ oid: string | null }>(
    `SELECT r.prrelid::text AS oid FROM pg_publication p LEFT JOIN pg_publication_rel r ON r.prpubid = p.oid WHERE p.pubname = $1`,
    [publication],
  );
  const published = new Set(there.map(({ oid }) => Number(oid)));
  const list = tables.map(({ sql }) => sql).join(", ");
  const generated = Number(level.version) >= 180_000 ? ", publish_generated_columns = stored" : "";
  if (there.length === 0) {
    const all = list === "" ? "" : ` FOR TABLE ${list}`;
    await session.query(
      `CREATE PUBLICATION ${quote(publication)}${all} WITH (publish_via_partition_root = true${generated})`,
    );
  } else if (tables.some(({ oid }) => !published.has(oid)) || published.size !== tables.length) {
    if (list !== "") await session.query(`ALTER PUBLICATION ${quote(publication)} SET TABLE ${list}`);
  } else return;
  await outlive(session);
}

/** A transaction that began to write before a table was published is told in part, or not at all: a copy sees it. */
async function outlive(session: Session): Promise<void> {
  const [now] = await session.query<{ xid: string }>("SELECT pg_current_xact_id()::text AS xid");
  for (;;) {
    const [oldest] = await session.query<{ xid: string }>(
      "SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS xid",
    );
    if (BigInt(oldest?.xid ?? 0) > BigInt(now?.xid ?? 0)) return;
    await systemClock.sleep(50);
  }
}

/** Why a slot no longer tells everything that came after a position; null where it does. */
export async function lossOf(session: Session, { slot, position }: Following): Promise<string | null> {
  if (slot === null || position === null) return "it was never finished";
  const [found] = await session.query<{ confirmed: string; status: string }>(
    `SELECT confirmed_flush_lsn::text AS confirmed, wal_status AS status FROM pg_replication_slots
     WHERE slot_name = $1 AND database = current_database()`,
    [slot],
  );
  if (found === undefined) return "it is gone";
  if (found.status === "lost") return "PostgreSQL has given up what it kept for it (max_slot_wal_keep_size)";
  // What is acknowledged is recorded first: a record that is behind comes from a backup.
  return lsnOf(found.confirmed) > lsnOf(position) ? "the database was restored behind it" : null;
}

/** Makes a slot of a new name, and drops the one before. It waits for transactions that are open. */
export async function makeSlot(session: Session, space: string): Promise<void> {
  const before = await readFollowing(session, space);
  if (before?.slot) await dropSlot(session, before.slot);
  const slot = newSlot();
  const following = { capture: "replication", slot, position: null, together: null };
  // The name is noted first: a slot that nobody knows of would keep the log for ever.
  await writeFollowing(session, space, following);
  const [made] = await session.query<{ lsn: string }>(
    `SELECT lsn::text AS lsn FROM pg_create_logical_replication_slot(${literal(slot)}, 'pgoutput')`,
  );
  await writeFollowing(session, space, { ...following, position: made?.lsn ?? null });
}

/** @throws StoreError where somebody still reads it: whoever forgot it now would leave it to keep the log for ever. */
export async function dropSlot(session: Session, slot: string): Promise<void> {
  await session.query(
    "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1 AND NOT active",
    [slot],
  );
  const [left] = await session.query<{ one: number }>(
    "SELECT 1 AS one FROM pg_replication_slots WHERE slot_name = $1",
    [slot],
  );
  if (left !== undefined)
    throw new StoreError("unavailable", `The replication slot ${slot} is still in use: try again.`);
}
