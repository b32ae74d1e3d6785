import type { Answer, Driver, DriverConnection } from "./driver/driver.ts";
import { isLoss, LostConnection, ServerError } from "./failure.ts";
import { textOf } from "./values.ts";

export type Value = string | number | boolean | null;

/** Of a statement: in milliseconds, more than PostgreSQL itself gives one. Then the network is gone, or the server. */
const SILENCE_MS = 75_000;

/**
 * One connection. Statements that are sent without waiting go out together and are answered in order. It is used
 * until it closes and never opened again, since the driver would carry a transaction's other half into a new session,
 * where each statement would commit by itself.
 */
export class Session {
  readonly #connection: DriverConnection;
  #open = true;
  #unfit: string | null = null;
  #unconfirmed = false;
  readonly #onClose = new Set<() => void>();

  constructor(driver: Driver, onNotify?: (payload: string) => void) {
    this.#connection = driver.connect({
      onClose: () => this.#closed(),
      onNotify,
      onUnfit: (why) => {
        this.#unfit = why;
      },
      // Somebody has ended the wait for the synchronous standbys: the commit is answered as if they had it.
      onNotice: (routine) => {
        this.#unconfirmed ||= routine === "SyncRepWaitForLSN";
      },
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
    const { rows } = await this.#ask(text, values);
    return rows as Row[];
  }

  /** A transaction in which a statement failed answers a COMMIT as if all were well, and has been rolled back. */
  async commit(): Promise<void> {
    const { command } = await this.#ask("COMMIT", []);
    if (command !== "COMMIT") throw new ServerError("the transaction was rolled back", "40000", false);
    if (!this.#unconfirmed) return;
    this.close();
    throw new LostConnection("the wait for its synchronous standbys was cancelled");
  }

  /** Ends it, whatever it is doing. */
  close(): void {
    this.#closed();
    this.#connection.close();
  }

  async #ask(text: string, values: readonly Value[]): Promise<Answer> {
    if (!this.#open) throw new LostConnection("it was closed");
    const silence = setTimeout(() => this.close(), SILENCE_MS);
    try {
      return await this.#connection.query(text, values.map(textOf));
    } catch (error) {
      const failure = this.#unfit === null ? error : new LostConnection(this.#unfit);
      if (isLoss(failure)) this.close();
      throw failure;
    } finally {
      clearTimeout(silence);
    }
  }

  #closed(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const listener of this.#onClose) listener();
  }
}
