import type postgres from "postgres";
import { isLoss, LostConnection, ServerError } from "./failure.ts";
import { textOf } from "./values.ts";

export type Value = string | number | boolean | null;

/** Makes a client of the driver with a single connection, that tells when that is closed. */
export type Driver = (more: {
  onclose(): void;
  /** It is not what the address asks for, and closes. */
  onunfit?(why: string): void;
  onnotify?(channel: string, payload: string): void;
  onnotice?(notice: { readonly routine?: string }): void;
  /** Settings that the connection begins with. */
  connection?: { readonly [name: string]: string };
}) => postgres.Sql;

/** Of a statement: in milliseconds, more than PostgreSQL itself gives one. Then the network is gone, or the server. */
const SILENCE_MS = 75_000;

/**
 * One connection. Statements that are sent without waiting go out together and are answered in order. It is used
 * until it closes and never opened again, since the driver would carry a transaction's other half into a new session,
 * where each statement would commit by itself.
 */
export class Session {
  readonly #sql: postgres.Sql;
  #open = true;
  #unfit: string | null = null;
  #unconfirmed = false;
  readonly #onClose = new Set<() => void>();

  constructor(driver: Driver, onNotify?: (payload: string) => void) {
    this.#sql = driver({
      onclose: () => this.#closed(),
      onunfit: (why) => {
        this.#unfit = why;
      },
      // Somebody has ended the wait for the synchronous standbys: the commit is answered as if they had it.
      onnotice: ({ routine }) => {
        this.#unconfirmed ||= routine === "SyncRepWaitForLSN";
      },
      ...(onNotify && { onnotify: (_channel: string, payload: string) => onNotify(payload) }),
    });
  }

  get open(): boolean {
    return this.#open;
  }

  onClose(listener: () => void): void {
    this.#onClose.add(listener);
  }

  /** The rows of an answer; the type is that of the statement's columns, where bigint comes as text. */
  async query<Row>(text: string, values: readonly Value[] = []): Promise<Row[]> {
    if (!this.#open) throw new LostConnection("it was closed");
    const silence = setTimeout(() => this.close(), SILENCE_MS);
    try {
      return (await this.#sql.unsafe(text, values.map(textOf), { prepare: values.length > 0 })) as unknown as Row[];
    } catch (error) {
      const failure = this.#unfit === null ? failureOf(error) : new LostConnection(this.#unfit);
      if (isLoss(failure)) this.close();
      throw failure;
    } finally {
      clearTimeout(silence);
    }
  }

  /** A transaction in which a statement failed answers a COMMIT as if all were well, and has been rolled back. */
  async commit(): Promise<void> {
    const { command } = (await this.query("COMMIT")) as unknown as { command: string };
    if (command !== "COMMIT") throw new ServerError("the transaction was rolled back", "40000", false);
    if (!this.#unconfirmed) return;
    this.close();
    throw new LostConnection("the wait for its synchronous standbys was cancelled");
  }

  /** Ends it, whatever it is doing. */
  close(): void {
    this.#closed();
    this.#sql.end({ timeout: 0 }).catch(() => undefined);
  }

  #closed(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const listener of this.#onClose) listener();
  }
}

interface About {
  readonly constraint_name?: string;
  readonly column_name?: string;
}

/**
 * The driver's errors carry statement, parameters and rows. Only code, message and names are kept, so that no content and
 * no password can come into a log. What is no answer of PostgreSQL leaves the connection in a state that nobody knows.
 */
export function failureOf(error: unknown): ServerError | LostConnection {
  const {
    name,
    message,
    code = "",
    severity,
    ...about
  } = error as Error & About & { code?: string; severity?: string };
  if (name === "PostgresError") {
    const { constraint_name: constraint, column_name: column } = about;
    return new ServerError(message, code, severity === "FATAL" || severity === "PANIC", { constraint, column });
  }
  return new LostConnection(message || code);
}
