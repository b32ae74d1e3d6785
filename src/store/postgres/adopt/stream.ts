import type { Duplex } from "node:stream";
import { must } from "../../../util/assert.ts";
import { systemClock } from "../../../util/clock.ts";
import { failureOf } from "../driver/postgres-js.ts";
import { LostConnection } from "../failure.ts";
import type { Place } from "../place.ts";
import { literal, quote } from "./names.ts";
import { Decoder, type LoggedTransaction } from "./pgoutput.ts";
import { lsnOf, lsnText } from "./seen.ts";
import { TEXT_SETTINGS } from "./values.ts";

/** Of a message of the server: data of the log, and a sign of life. */
const DATA = 0x77;
const KEEPALIVE = 0x6b;

/** Changes that may wait before the server is asked to hold on. */
const WAITING = 20_000;
/** Milliseconds between two signs of life of ours: the server gives up one that is silent for a minute. */
const ALIVE = 10_000;
/** Milliseconds from 1970 to 2000, where PostgreSQL's time begins. */
const EPOCH = 946_684_800_000;

/** PostgreSQL's log of some tables, from a slot that keeps what has not been acknowledged. */
export class LogStream {
  readonly #stream: Duplex;
  readonly #decoder = new Decoder();
  readonly #end: () => void;
  #waiting: LoggedTransaction[] = [];
  #changes = 0;
  /** All transactions that end up to here have come. */
  #reached: bigint;
  #acknowledged: bigint;
  #failure: Error | null = null;
  #wake: () => void = () => undefined;

  private constructor(stream: Duplex, from: bigint, end: () => void) {
    this.#stream = stream;
    this.#reached = from;
    this.#acknowledged = from;
    this.#end = end;
    stream.on("data", (message: Buffer) => this.#take(message));
    stream.on("error", (error) => this.#fail(failureOf(error)));
    stream.on("close", () => this.#fail(new LostConnection("the log ended")));
    stream.on("end", () => this.#fail(new LostConnection("the log ended")));
  }

  /** Begins behind what the slot has been acknowledged. Only one connection at a time may read a slot. */
  static async open(place: Place, slot: string, publication: string, position: string): Promise<LogStream> {
    let closed: () => void = () => undefined;
    const open = must(place.replication, "adopting by replication was refused without it");
    const sql = open(() => closed(), { ...TEXT_SETTINGS, replication: "database" });
    const end = () => void sql.end({ timeout: 0 }).catch(() => undefined);
    try {
      const options = `proto_version '1', publication_names ${literal(quote(publication))}`;
      const stream = await sql
        .unsafe(`START_REPLICATION SLOT ${quote(slot)} LOGICAL ${position} (${options})`)
        .writable();
      const log = new LogStream(stream as unknown as Duplex, lsnOf(position), end);
      closed = () => log.#fail(new LostConnection("the connection was closed"));
      void log.#stayAlive();
      return log;
    } catch (error) {
      end();
      throw failureOf(error);
    }
  }

  /** What has come since it was last asked; waits for it, but no longer than `ms`. Throws where the stream has ended. */
  async news(ms: number, signal: AbortSignal): Promise<readonly LoggedTransaction[]> {
    if (this.#waiting.length === 0 && this.#failure === null) {
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      signal.addEventListener("abort", this.#wake);
      await systemClock.sleep(ms, signal.aborted ? signal : woken.signal);
      signal.removeEventListener("abort", this.#wake);
    }
    const transactions = this.#waiting;
    if (transactions.length === 0 && this.#failure !== null) throw this.#failure;
    this.#waiting = [];
    this.#changes = 0;
    if (this.#failure === null) this.#stream.resume();
    return transactions;
  }

  /** Up to where everything has come, where nothing waits. */
  get reached(): string {
    return lsnText(this.#reached);
  }

  /** What ends up to here is recorded durably: the server need not keep it. */
  acknowledge(position: string): void {
    this.#acknowledged = lsnOf(position);
    this.#report();
  }

  close(): void {
    this.#fail(new LostConnection("it was closed"));
    this.#end();
  }

  #take(message: Buffer): void {
    try {
      if (message[0] === DATA) {
        const transaction = this.#decoder.take(message.subarray(25));
        if (transaction !== null) this.#add(transaction);
      } else if (message[0] === KEEPALIVE) {
        if (!this.#decoder.within) this.#reach(message.readBigUInt64BE(1));
        if (message[17] === 1) this.#report();
      }
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #add(transaction: LoggedTransaction): void {
    this.#reach(transaction.end);
    this.#waiting.push(transaction);
    this.#changes += transaction.changes.length;
    if (this.#changes > WAITING) this.#stream.pause();
    this.#wake();
  }

  #reach(position: bigint): void {
    if (position > this.#reached) this.#reached = position;
  }

  #report(): void {
    if (this.#failure !== null) return;
    const report = Buffer.alloc(34);
    report.write("r");
    for (const at of [1, 9, 17]) report.writeBigUInt64BE(this.#acknowledged, at);
    report.writeBigInt64BE(BigInt(systemClock.now() - EPOCH) * 1_000n, 25);
    this.#stream.write(report);
  }

  async #stayAlive(): Promise<void> {
    while (this.#failure === null) {
      await systemClock.sleep(ALIVE);
      this.#report();
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }
}
