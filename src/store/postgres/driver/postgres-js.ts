import type postgres from "postgres";
import type { LostConnection, ServerError } from "../failure.ts";
import { Hosts } from "../hosts.ts";
import { type Answer, type Driver, type Events, failureFrom, PARSERS } from "./driver.ts";

type Options = postgres.Sql["options"];

/** The part of the driver that adopted tables are followed with: see `adopt/stream.ts`. */
export type OpenReplication = (onClose: () => void, settings: { readonly [name: string]: string }) => postgres.Sql;

/** The driver `postgres`: https://github.com/porsager/postgres */
export interface PostgresDriver extends Driver {
  readonly replication: OpenReplication;
}

export function postgresDriver(make: typeof postgres, base: Options): PostgresDriver {
  const settings = {
    ...base,
    max: 1,
    // The driver takes settings that are parsed already as they are.
    shared: { retries: 0, typeArrayMap: {} },
    // A session lives as long as it is of use; the pool decides.
    idle_timeout: null,
    max_lifetime: null,
    fetch_types: false,
    parsers: PARSERS,
    debug: false,
    onnotice: () => undefined,
    transform: UNTOUCHED,
    connection: { ...base.connection, application_name: "tidemark" },
  };
  const hosts = new Hosts(base);
  const open = ({ onClose, onUnfit }: Pick<Events, "onClose" | "onUnfit">, more: object) =>
    make({ ...settings, ...more, ...hosts.next({ onClose, onUnfit }) } as never);
  const database = String(base.database);
  return {
    text: `${hosts.text}/${database}`,
    database,
    connect({ onNotify, onNotice, ...events }) {
      const sql = open(events, {
        onnotice: ({ routine = "" }: { routine?: string }) => onNotice?.(routine),
        ...(onNotify && { onnotify: (_channel: string, payload: string) => onNotify(payload) }),
      });
      return {
        async query(text, values): Promise<Answer> {
          try {
            const rows = await sql.unsafe(text, [...values], { prepare: values.length > 0 });
            return { rows, command: rows.command };
          } catch (error) {
            throw failureOf(error);
          }
        },
        close: () => void sql.end({ timeout: 0 }).catch(() => undefined),
      };
    },
    replication: (onClose, more) => open({ onClose }, { connection: { ...settings.connection, ...more } }),
  };
}

const UNTOUCHED = { undefined: undefined, column: {}, value: {}, row: {} };

export function failureOf(error: unknown): ServerError | LostConnection {
  const told = error as Error & { code: string; severity?: string; constraint_name?: string; column_name?: string };
  if (told.name !== "PostgresError") return failureFrom(null, error);
  const { message, code, severity, constraint_name: constraint, column_name: column } = told;
  return failureFrom({ message, code, severity, constraint, column }, error);
}
