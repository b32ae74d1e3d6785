import { backoff } from "../../../util/backoff.ts";
import { systemClock } from "../../../util/clock.ts";
import { systemRandom } from "../../../util/random.ts";
import type { Adoption, AdoptionHost, AdoptionPlan, AdoptionStatus } from "../../adopt.ts";
import { StoreError } from "../../store.ts";
import type { Connection } from "../connection.ts";
import { storeFailure } from "../failure.ts";
import type { Listening } from "../wake/listening.ts";
import { Adopted } from "./adopted.ts";
import type { Copying } from "./copy.ts";
import { Leader } from "./leader.ts";
import { release } from "./release.ts";
import { readTables } from "./state.ts";

/** Milliseconds between two attempts to lead, and between two looks at the tables of one who does not. */
const PAUSE = { first: 500, most: 5_000 };
const LOOK = 5_000;

/** See `Store.adopt`. The spaces' tables are put in `adopted`, where writes find them. */
export async function adoptTables(
  connection: Connection,
  listening: Listening,
  adopted: Map<string, Adopted>,
  plans: ReadonlyMap<string, AdoptionPlan>,
  host: AdoptionHost,
): Promise<Adoption> {
  const logged = [...plans.values()].some(({ capture }) => capture === "replication");
  if (logged && connection.place.replication === null) {
    const cure = 'install it (npm install postgres), or adopt with capture: "triggers"';
    throw new StoreError("unavailable", `PostgreSQL's log is followed with the driver postgres, not with pg: ${cure}.`);
  }
  const stop = new AbortController();
  const spaces = [...plans].map(([space, plan]) => new Adopted(space, plan));
  for (const space of spaces) await space.look(connection);
  for (const space of spaces) adopted.set(space.space, space);
  await release(connection, new Set(plans.keys()), host);
  const running = spaces.map((space) => {
    const copying = { connection, listening, host, adopted: space, stop: stop.signal };
    return new Following(copying);
  });
  return {
    status: (space) => running.find(({ space: name }) => name === space)?.status() ?? Promise.resolve(null),
    async close() {
      stop.abort();
      await Promise.all(running.map(({ done }) => done));
      for (const { space } of spaces) adopted.delete(space);
    },
  };
}

/** One space's tables: leads when it can, and looks on while another server does. */
class Following {
  readonly done: Promise<void>;
  readonly #copying: Copying;
  #leads = false;

  constructor(copying: Copying) {
    this.#copying = copying;
    this.done = this.#run();
  }

  get space(): string {
    return this.#copying.adopted.space;
  }

  async #run(): Promise<void> {
    const { stop, adopted, connection, host } = this.#copying;
    let looked = systemClock.now();
    for (let attempt = 0; !stop.aborted; attempt++) {
      try {
        const led = await new Leader(this.#copying).lead(() => {
          this.#leads = true;
          attempt = 0;
        });
        if (!led && systemClock.now() - looked > LOOK) {
          looked = systemClock.now();
          await adopted.look(connection);
        }
      } catch (error) {
        if (!stop.aborted) {
          const failure = storeFailure(error, connection.place.text);
          const text = failure instanceof Error ? failure.message : String(failure);
          host.log.error({ space: this.space, text }, "following the adopted tables failed; it is tried again");
        }
      }
      this.#leads = false;
      await systemClock.sleep(backoff(attempt, PAUSE, systemRandom), stop);
    }
  }

  async status(): Promise<AdoptionStatus> {
    const { connection, adopted } = this.#copying;
    const [tables, behind] = await connection.read(async (session) => {
      const states = await readTables(session, this.space);
      const count =
        adopted.plan.capture === "replication"
          ? `SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::text AS count
             FROM pg_replication_slots JOIN adopted_space ON slot = slot_name WHERE space = $1`
          : "SELECT count(*)::text AS count FROM adopted_change WHERE space = $1";
      const [row] = await session.query<{ count: string }>(count, [this.space]);
      return [states, row === undefined ? null : Number(row.count)] as const;
    });
    const unit = adopted.plan.capture === "replication" ? "bytes" : "changes";
    return {
      leads: this.#leads,
      tables: adopted.plan.tables.map(({ collection, table }) => {
        const { state = "copying", cause = null } = tables.get(collection) ?? {};
        return { collection, table, state, cause };
      }),
      behind: behind === null ? null : { unit, count: behind },
    };
  }
}
