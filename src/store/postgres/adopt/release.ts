import type { AdoptionHost } from "../../adopt.ts";
import type { Connection } from "../connection.ts";
import { Session } from "../session.ts";
import { quoted } from "../tables.ts";
import { quote } from "./names.ts";
import { dropTriggers } from "./outbox.ts";
import { dropSlot, publicationOf } from "./slot.ts";

/**
 * Lets the tables go of spaces that are adopted no longer: a slot that nobody reads would keep PostgreSQL's log for ever.
 * Records stay as they are. A space that another server still follows is left to that one.
 */
export async function release({ place }: Connection, kept: ReadonlySet<string>, { log }: AdoptionHost): Promise<void> {
  const { schema } = place;
  const session = new Session(place.driver);
  try {
    await session.query(`SET search_path = ${quoted(schema)}`);
    const found = await session.query<{ space: string; slot: string | null }>("SELECT space, slot FROM adopted_space");
    for (const { space, slot } of found) {
      if (kept.has(space)) continue;
      const [lock] = await session.query<{ got: boolean }>(
        "SELECT pg_try_advisory_lock(hashtextextended($1, 7407)) AS got",
        [`${schema}/${space}`],
      );
      if (lock?.got !== true) continue;
      await dropTriggers(session, schema, space, new Set());
      if (slot !== null) await dropSlot(session, slot);
      await session.query(`DROP PUBLICATION IF EXISTS ${quote(publicationOf(schema, space))}`);
      for (const table of ["adopted_seen", "adopted_change", "adopted_space"]) {
        await session.query(`DELETE FROM ${table} WHERE space = $1`, [space]);
      }
      log.info({ space }, "the tables of this space are adopted no longer");
    }
  } finally {
    session.close();
  }
}
