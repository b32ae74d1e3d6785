import { ServerError, storeFailure } from "../failure.ts";
import type { Place } from "../place.ts";
import { Session } from "../session.ts";
import { quoted } from "../tables.ts";
import { arrayOf } from "../values.ts";
import type { Wake } from "./wake.ts";

/**
 * After the commit that it is about, not in it: a transaction that notifies holds a lock that all others of the database
 * that notify wait for, until it is on the disk. So commits to different spaces would go one after the other. This one
 * needs not be durable, and does not wait for the disk.
 */
const NOTIFY = `
  SELECT pg_notify($1, message)
  FROM set_config('synchronous_commit', 'off', true) unsynced, unnest($2::text::text[]) message`;

/** What a database says that has no LISTEN. */
const NOT_SUPPORTED = "0A000";

/** LISTEN and NOTIFY, on a connection of its own; the schema is the channel. */
export function notifyWake({ driver, schema, text }: Place): Wake {
  return {
    text: `NOTIFY of ${text}`,
    async connect(hear) {
      const session = new Session(driver, hear);
      const lost = new Promise<string>((resolve) => session.onClose(() => resolve("the connection was lost")));
      try {
        // Named, so that it is found in pg_stat_activity.
        await session.query(`SET application_name = 'tidemark wake ${schema}'; LISTEN ${quoted(schema)}`);
      } catch (error) {
        session.close();
        if (error instanceof ServerError && error.code === NOT_SUPPORTED) return null;
        throw storeFailure(error, text);
      }
      return {
        lost,
        send: async (messages) => void (await session.query(NOTIFY, [schema, arrayOf(messages)])),
        close: () => session.close(),
      };
    },
  };
}
