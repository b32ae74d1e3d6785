import { systemClock } from "../../../util/clock.ts";
import type { Session } from "../session.ts";
import { Session as Opened } from "../session.ts";
import { quoted } from "../tables.ts";
import type { Adopted } from "./adopted.ts";
import { type Copying, copyTable } from "./copy.ts";
import { recordLogged, recordNoted } from "./follow.ts";
import { dropTriggers, makeTriggers } from "./outbox.ts";
import type { LoggedTransaction } from "./pgoutput.ts";
import { lsnOf } from "./seen.ts";
import { dropSlot, lossOf, makeSlot, publicationOf, publish } from "./slot.ts";
import { readFollowing, readTables, type TableState, toBeCopied, writeFollowing, writeTable } from "./state.ts";
import { LogStream } from "./stream.ts";
import type { Table } from "./table.ts";

/** Milliseconds between two looks at what triggers have noted. */
const POLL = 200;
/** Milliseconds between two looks at the tables themselves, which may have changed without a row being written. */
const LOOK = 5_000;

/** Follows the tables of one space, while it has the lock that only one server can have. */
export class Leader {
  readonly #copying: Copying;
  readonly #adopted: Adopted;
  readonly #schema: string;

  constructor(copying: Copying) {
    this.#copying = copying;
    this.#adopted = copying.adopted;
    this.#schema = copying.connection.place.schema;
  }

  /** Until it is stopped or something fails; false where another server leads. `leads` is told when this one does. */
  async lead(leads: () => void): Promise<boolean> {
    const { connection, stop } = this.#copying;
    const session = new Opened(connection.place.driver);
    // Whoever waits for transactions of others does not keep the server from ending.
    const end = () => session.close();
    stop.addEventListener("abort", end);
    try {
      await session.query(`SET search_path = ${quoted(this.#schema)}`);
      const [lock] = await session.query<{ got: boolean }>(
        "SELECT pg_try_advisory_lock(hashtextextended($1, 7407)) AS got",
        [`${this.#schema}/${this.#adopted.space}`],
      );
      if (lock?.got !== true) return false;
      leads();
      while (!stop.aborted) {
        await this.#prepare(session);
        await this.#copy(session);
        if (this.#adopted.plan.capture === "replication") await this.#followLog(session);
        else await this.#followNotes(session);
      }
      return true;
    } finally {
      stop.removeEventListener("abort", end);
      session.close();
    }
  }

  /** Slot and publication, or triggers, as the tables need them; whatever may have missed something is compared anew. */
  async #prepare(session: Session): Promise<void> {
    const { space, plan } = this.#adopted;
    await this.#adopted.look(this.#copying.connection);
    const before = await readFollowing(session, space);
    const tables = this.#adopted.described;
    let missed: string | null = null;
    if (plan.capture === "replication") {
      await publish(session, publicationOf(this.#schema, space), tables);
      missed = before?.capture === "replication" ? await lossOf(session, before) : "it is new";
      if (before?.capture === "triggers") await dropTriggers(session, this.#schema, space, new Set());
    } else {
      await makeTriggers(session, this.#schema, space, tables);
      await dropTriggers(session, this.#schema, space, new Set(tables.map(({ collection }) => collection)));
      if (before?.capture !== "triggers") missed = "they are new";
    }
    await this.#describeAll(session, missed !== null);
    if (missed === null) return;
    this.#copying.host.log.info(
      { space, capture: plan.capture, cause: missed },
      "following the tables from the beginning",
    );
    if (plan.capture === "replication") await makeSlot(session, space);
    else {
      if (before?.slot) await dropSlot(session, before.slot);
      await writeFollowing(session, space, { capture: "triggers", slot: null, position: null, together: null });
    }
  }

  /** Notes how each table stands: to be compared where it is new, or has changed, or `all` are. */
  async #describeAll(session: Session, all: boolean): Promise<void> {
    const { space, tables } = this.#adopted;
    const known = await readTables(session, space);
    for (const [collection, table] of tables) {
      const before = known.get(collection);
      const next = "flaw" in table ? paused(collection, before, table.flaw) : stateOf(table, before, all);
      if (next === before) continue;
      await writeTable(session, space, next);
      if (next.cause !== null && next.cause !== before?.cause) {
        this.#copying.host.log.error(
          { space, table: next.source || collection, cause: next.cause },
          "an adopted table is paused",
        );
      }
    }
  }

  async #copy(session: Session): Promise<void> {
    for (const table of await this.#toCopy(session)) await copyTable(this.#copying, table);
  }

  async #toCopy(session: Session): Promise<readonly Table[]> {
    const states = await readTables(session, this.#adopted.space);
    return this.#adopted.described.filter(({ collection }) => states.get(collection)?.state === "copying");
  }

  /** Looks at the tables anew; whether one of them is to be prepared or compared. */
  async #changed(session: Session): Promise<boolean> {
    // Who has lost the session has lost the lock with it.
    await session.query("SELECT 1");
    const before = [...this.#adopted.tables.values()].map(shapeOf).join();
    await this.#adopted.look(this.#copying.connection);
    return [...this.#adopted.tables.values()].map(shapeOf).join() !== before;
  }

  async #followLog(session: Session): Promise<void> {
    const { stop, connection } = this.#copying;
    const { space } = this.#adopted;
    const following = await readFollowing(session, space);
    if (!following?.slot || following.position === null) return;
    const { slot } = following;
    const log = await LogStream.open(connection.place, slot, publicationOf(this.#schema, space), following.position);
    try {
      let together = following.together === null ? 0n : lsnOf(following.together);
      let kept: LoggedTransaction[] = [];
      let recorded = lsnOf(following.position);
      let looked = systemClock.now();
      while (!stop.aborted) {
        const news = await log.news(together > 0n ? POLL : LOOK, stop);
        const { reached } = log;
        kept.push(...news);
        // What a copy may have read already is not shown as it was before.
        if (lsnOf(reached) < together) continue;
        const idle = kept.length === 0;
        const due = systemClock.now() - looked >= LOOK;
        if (!idle || together > 0n || (due && lsnOf(reached) > recorded)) {
          await recordLogged(this.#copying, slot, kept, reached);
          log.acknowledge(reached);
          recorded = lsnOf(reached);
          kept = [];
          together = 0n;
        }
        if (due || news.some(({ changes }) => this.#strange(changes))) {
          looked = systemClock.now();
          if (await this.#changed(session)) return;
        }
      }
    } finally {
      log.close();
    }
  }

  /** Whether a change was told with columns that the table had not when it was looked at. */
  #strange(changes: LoggedTransaction["changes"]): boolean {
    return changes.some((change) => {
      if (change.does === "truncate") return false;
      const table = this.#adopted.described.find(({ oid }) => oid === change.relation.oid);
      return table !== undefined && !table.columns.every(({ name }) => change.relation.columns.includes(name));
    });
  }

  async #followNotes(session: Session): Promise<void> {
    const { stop } = this.#copying;
    let looked = systemClock.now();
    // After a copy, also where nothing has been noted.
    await recordNoted(this.#copying);
    while (!stop.aborted) {
      const [some] = await session.query<{ one: number }>(
        "SELECT 1 AS one FROM adopted_change WHERE space = $1 LIMIT 1",
        [this.#adopted.space],
      );
      if (some !== undefined) await recordNoted(this.#copying);
      else await systemClock.sleep(POLL, stop);
      if (systemClock.now() - looked < LOOK) continue;
      looked = systemClock.now();
      if (await this.#changed(session)) return;
    }
  }
}

function shapeOf(table: Table | { readonly flaw: string }): string {
  return "flaw" in table ? table.flaw : table.shape;
}

function stateOf(table: Table, before: TableState | undefined, all: boolean): TableState {
  const same = before !== undefined && before.state !== "paused" && before.shape === table.shape;
  return same && !all ? before : toBeCopied(table);
}

function paused(collection: string, before: TableState | undefined, cause: string): TableState {
  if (before?.state === "paused" && before.cause === cause) return before;
  return { collection, source: before?.source ?? "", shape: before?.shape ?? "", state: "paused", copied: null, cause };
}
