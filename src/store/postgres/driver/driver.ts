import { LostConnection, ServerError } from "../failure.ts";

/**
 * What is used of a driver of PostgreSQL: single connections, which are opened when they are first used. There is one for
 * `postgres` and one for `pg`.
 */
export interface Driver {
  /** For people: host, port and database, without user and password. */
  readonly text: string;
  /** What other parts of a deployment are told apart by: see `natsWake`. */
  readonly database: string;
  connect(events: Events): DriverConnection;
}

export interface Events {
  /** The connection has ended, by whomever. It is never opened again. */
  onClose(): void;
  onNotify?: ((payload: string) => void) | undefined;
  /** It is not what the address asks for, and closes. */
  onUnfit?: ((why: string) => void) | undefined;
  /** By the routine of PostgreSQL that gives it. */
  onNotice?: ((routine: string) => void) | undefined;
}

export interface DriverConnection {
  /**
   * Statements that are sent without waiting go out together and are answered in order. One with values is prepared, and
   * kept so; one without may be several. It throws what `failureFrom` makes.
   */
  query(text: string, values: readonly (string | null)[]): Promise<Answer>;
  /** Ends it, whatever it is doing. */
  close(): void;
}

export interface Answer {
  /** Booleans, and numbers that a double holds, are such; everything else is text, bigint and JSON too. */
  readonly rows: readonly unknown[];
  /** `SELECT`, `COMMIT` … */
  readonly command: string;
}

const NUMBERS = { int2: 21, int4: 23, oid: 26, float4: 700, float8: 701 };
const BOOLEAN = 16;

/** How values are read, by the type's number; those of other types stay text. */
export const PARSERS: { readonly [oid: number]: (text: string) => unknown } = {
  [BOOLEAN]: (text: string) => text === "t",
  ...Object.fromEntries(Object.values(NUMBERS).map((oid) => [oid, Number])),
};

/** The fields of an error of PostgreSQL, as both drivers have them. */
interface Told {
  readonly message: string;
  readonly code: string;
  readonly severity?: string | undefined;
  readonly constraint?: string | undefined;
  readonly column?: string | undefined;
}

/** Codes with which PostgreSQL ends a session, whatever language it says FATAL in. */
const FATAL = /^(28|3D|57P|53300|08)/;

/**
 * A driver's errors carry statement, parameters and rows. Only code, message and names are kept, so that no content and
 * no password can come into a log. What is no answer of PostgreSQL leaves the connection in a state that nobody knows.
 */
export function failureFrom(told: Told | null, error: unknown): ServerError | LostConnection {
  if (told !== null) {
    const { message, code, severity, constraint, column } = told;
    const fatal = severity === "FATAL" || severity === "PANIC" || FATAL.test(code);
    return new ServerError(message, code, fatal, { constraint, column });
  }
  const { message, code = "" } = error as Error & { code?: string };
  return new LostConnection(message || code);
}
