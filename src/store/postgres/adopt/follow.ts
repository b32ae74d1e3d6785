import type { TableChange, TableTransaction } from "../../../model/table-change.ts";
import { must } from "../../../util/assert.ts";
import { lockHead } from "../space.ts";
import type { Copying } from "./copy.ts";
import { changesOf } from "./logged.ts";
import { takeNoted } from "./outbox.ts";
import type { LoggedTransaction } from "./pgoutput.ts";
import { record } from "./record.ts";
import { forgetSeen, lsnOf, readSeen, unseen } from "./seen.ts";
import { readFollowing } from "./state.ts";

/** Another reader has gone on with another slot: what this one has read is void. */
export class Superseded extends Error {
  override name = "Superseded";
}

/**
 * Records what came out of the log, each transaction as a revision, and how far it came, in one transaction: so nothing
 * is lost and nothing comes twice, whoever dies when. Returns the position that is now durable.
 * - `reached`: all that ends up to there is in `logged`, or was recorded before.
 */
export async function recordLogged(
  { connection, listening, host, adopted }: Copying,
  slot: string,
  logged: readonly LoggedTransaction[],
  reached: string,
): Promise<void> {
  const { space } = adopted;
  const wrote = await connection.write(async (session) => {
    const head = must(await lockHead(session, space), "an adopted space is there");
    const following = await readFollowing(session, space);
    if (following === null || following.slot !== slot || following.position === null) throw new Superseded();
    const position = lsnOf(following.position);
    const seen = logged.length === 0 ? new Map() : await readSeen(session, space);
    const fresh = logged.filter(({ end }) => end > position);
    const transactions = fresh.map((transaction) => {
      const { origin, changes } = changesOf(transaction, adopted.described);
      const together = following.together !== null && transaction.end <= lsnOf(following.together);
      return { origin, changes: unseen(changes, seen, transaction.position, null), together };
    });
    const recording = { session, space, head, host };
    const { batch, sent } = await record(recording, merged(transactions));
    if (lsnOf(reached) > position) {
      await session.query(
        `UPDATE adopted_space SET position = $2::text::pg_lsn,
           together = CASE WHEN together > $2::text::pg_lsn THEN together END WHERE space = $1`,
        [space, reached],
      );
      await forgetSeen(session, space, reached);
    }
    return {
      result: batch.entries.length > 0,
      sent,
      kept: async (other) => lsnOf((await readFollowing(other, space))?.position ?? "0/0") >= lsnOf(reached),
    };
  });
  if (wrote) listening.tell(space);
}

/** Records what triggers have noted; how many changes there were. */
export async function recordNoted({ connection, listening, host, adopted }: Copying): Promise<number> {
  const { space } = adopted;
  const { count, wrote } = await connection.write(async (session) => {
    const head = must(await lockHead(session, space), "an adopted space is there");
    const together = (await readFollowing(session, space))?.together != null;
    const noted = await takeNoted(session, space, adopted.described);
    const seen = await readSeen(session, space);
    const transactions = noted.map(({ xid, position, origin, changes }) => {
      return { origin, changes: unseen(changes, seen, position, xid), together };
    });
    const recording = { session, space, head, host };
    const { batch, sent } = await record(recording, merged(transactions));
    if (together) await session.query("UPDATE adopted_space SET together = NULL WHERE space = $1", [space]);
    // All that was noted before is taken: whoever locked a row saw what had been committed to it.
    if (seen.size > 0) await session.query("DELETE FROM adopted_seen WHERE space = $1", [space]);
    const result = {
      count: noted.reduce((sum, { changes }) => sum + changes.length, 0),
      wrote: batch.entries.length > 0,
    };
    // Done again, there is nothing left to take.
    return { result, sent, kept: async () => false };
  });
  if (wrote) listening.tell(space);
  return count;
}

/** Transactions that are to be recorded together become one. */
function merged(transactions: readonly (TableTransaction & { readonly together: boolean })[]): TableTransaction[] {
  const list: TableTransaction[] = [];
  let open: { origin: string[]; changes: TableChange[] } | null = null;
  for (const { origin, changes, together } of transactions) {
    if (changes.length === 0) continue;
    if (open !== null && together) {
      open.origin.push(...origin);
      open.changes.push(...changes);
      continue;
    }
    const one: { origin: string[]; changes: TableChange[] } = { origin: [...origin], changes: [...changes] };
    open = together ? one : null;
    list.push(one);
  }
  return list;
}
