import { type Answer, type Driver, failureFrom, PARSERS } from "./driver.ts";

/** The part of the package `pg` that is used; it brings no types. https://node-postgres.com */
export interface Pg {
  readonly Client: new (settings: object) => PgClient;
}

interface PgClient {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly connection: { readonly stream: { destroy(): void } };
  connect(): Promise<unknown>;
  query(query: { text: string; values?: (string | null)[]; name?: string }): Promise<PgResult | PgResult[]>;
  on(event: "end" | "error", listener: () => void): void;
  on(event: "notification", listener: (message: { payload?: string }) => void): void;
  on(event: "notice", listener: (message: { routine?: string }) => void): void;
}

interface PgResult {
  readonly rows: readonly unknown[];
  readonly command: string | null;
}

/** Milliseconds to connect in; the driver by itself would wait for ever. */
const CONNECT_MS = 30_000;

/** What `settings` leaves out comes from PGHOST, PGUSER and so on. Throws where they are malformed. */
export function pgDriver({ Client }: Pg, settings: object): Driver {
  const all = {
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    ...settings,
    application_name: "tidemark",
    // The settings of a pool hide its password from whoever copies them.
    ...("password" in settings && { password: settings.password }),
    pipeline: true,
    types: TYPES,
  };
  const { host, port, database } = new Client(all);
  return {
    text: `${host.startsWith("/") ? host : `${host}:${port}`}/${database}`,
    database,
    connect({ onClose, onNotify, onNotice }) {
      const client = new Client(all);
      // Whoever waits for an answer is told; without a listener the process would end.
      client.on("error", () => undefined);
      client.on("end", onClose);
      if (onNotify) client.on("notification", ({ payload = "" }) => onNotify(payload));
      if (onNotice) client.on("notice", ({ routine = "" }) => onNotice(routine));
      let connected: Promise<unknown> | null = null;
      return {
        async query(text, values): Promise<Answer> {
          try {
            connected ??= client.connect();
            await connected;
            const prepared = values.length > 0 && { values: [...values], name: nameOf(text) };
            const results = [await client.query({ text, ...prepared })].flat();
            return { rows: results[0]?.rows ?? [], command: results[0]?.command ?? "" };
          } catch (error) {
            throw failureOf(error);
          }
        },
        // Its own end would wait for statements that are under way.
        close: () => client.connection.stream.destroy(),
      };
    },
  };
}

/** Names of prepared statements, the same in all connections of this process. */
const names = new Map<string, string>();

function nameOf(text: string): string {
  const name = names.get(text) ?? `t${names.size}`;
  names.set(text, name);
  return name;
}

const TYPES = { getTypeParser: (oid: number) => PARSERS[oid] ?? String };

function failureOf(error: unknown) {
  const told = error as Error & { code?: string; severity?: string; constraint?: string; column?: string };
  // Errors of the system have codes too, but no severity.
  if (told.severity === undefined || told.code === undefined) return failureFrom(null, error);
  const { message, code, severity, constraint, column } = told;
  return failureFrom({ message, code, severity, constraint, column }, error);
}
