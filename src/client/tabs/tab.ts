import type { Outcome } from "../../model/mutation.ts";
import { spaceFlaw } from "../../model/names.ts";
import type { RecordData } from "../../model/record.ts";
import { randomName, systemRandom } from "../../util/random.ts";
import type { Client, ClientOptions } from "../client.ts";
import { drafted, type Transaction } from "../draft.ts";
import { ClientError } from "../errors.ts";
import { call, Emitter, type Events, type Listener } from "../events.ts";
import type { Inspection } from "../inspect.ts";
import { PreparedQuery, type Query, sameRecords } from "../query.ts";
import type { Mutated } from "../queue.ts";
import type { Status } from "../status.ts";
import { checkedSubscription, type SubscribeOptions, type SubscriptionHandle } from "../subscribe.ts";
import type { VerifyReport } from "../verify.ts";
import { Election } from "./election.ts";
import { type Answer, type Ask, errorOf, type News, type Operation, type ToTab } from "./messages.ts";
import type { Surroundings } from "./surroundings.ts";

/** Something that was asked for and is not over. */
interface Open {
  ask: Ask;
  /** Takes a part of the answer. */
  readonly take: (answer: Answer) => void;
  readonly fail: (error: Error) => void;
}

const NOTHING: Status = { state: "connecting", cause: null, revision: 0, asOf: null, pending: 0, copies: {} };

/**
 * The client of one of several tabs (C4). One of them leads: it has the store and the connection. Each asks the leader for
 * everything, the leader's own tab included. What is not answered when the leader goes is asked of the next one.
 */
export class Tab implements Client {
  readonly #options: ClientOptions;
  readonly #id: string;
  readonly #events = new Emitter();
  readonly #election: Election;
  /** In the order in which they were asked. */
  readonly #open = new Map<number, Open>();
  #next = 1;
  #leader: string | null = null;
  #post: ((ask: Ask) => void) | null = null;
  #status = NOTHING;
  #closed = false;

  constructor(options: ClientOptions, name: string, around: Surroundings) {
    const flaw = spaceFlaw(options.space);
    if (flaw !== null) throw new ClientError("invalid", flaw, "space");
    this.#options = options;
    this.#id = randomName(options.random ?? systemRandom);
    this.#election = new Election(name, this.#id, options, around, (message, post) => this.#take(message, post));
  }

  get status(): Status {
    return this.#status;
  }

  on<N extends keyof Events>(event: N, listener: Listener<Events[N]>): () => void {
    return this.#events.on(event, listener);
  }

  subscribe(options: SubscribeOptions): SubscriptionHandle {
    const { key } = checkedSubscription(options);
    const ready = this.#asked<void>("subscribe", options);
    ready.catch(() => {});
    return this.#handle(key, ready);
  }

  async subscriptions(): Promise<readonly SubscriptionHandle[]> {
    const keys = await this.#asked<readonly string[]>("subscriptions");
    return keys.map((key) => {
      const ready = this.#asked<void>("filled", key);
      ready.catch(() => {});
      return this.#handle(key, ready);
    });
  }

  #handle(key: string, ready: Promise<void>): SubscriptionHandle {
    return { key, ready, unsubscribe: () => this.#asked("unsubscribe", key) };
  }

  async get(collection: string, id: string): Promise<never> {
    return Object.freeze(await this.#asked<never>("get", collection, id));
  }

  async query(query: Query): Promise<never[]> {
    return (await this.#asked<never[]>("query", query)).map((record) => Object.freeze(record));
  }

  observe(query: Query, listener: (records: readonly never[]) => void): () => void {
    const prepared = new PreparedQuery(query);
    this.#checkOpen();
    let records = new Map<string, RecordData>();
    let shown: readonly RecordData[] | null = null;
    const take = ({ whole, put, gone }: News) => {
      if (whole) records = new Map();
      for (const id of gone) records.delete(id);
      for (const record of put) records.set(record.id, Object.freeze(record));
      const now = [...records.values()].sort((a, b) => prepared.compare(a, b));
      // A new leader tells all of it again.
      if (shown !== null && sameRecords(shown, now)) return;
      shown = now;
      call(listener, now as never[]);
    };
    const id = this.#ask(
      "observe",
      [query],
      (answer) => answer.kind === "news" && take(answer),
      () => {},
    );
    return () => {
      if (this.#open.delete(id)) this.#post?.({ id: this.#next++, op: "stop", args: [id] });
    };
  }

  mutate(write: (tx: Transaction) => void, { whole = false } = {}): Mutated {
    this.#checkOpen();
    if (this.#status.state === "other-principal")
      throw new ClientError("other-principal", this.#status.cause ?? "this store belongs to another principal");
    const writes = drafted(this.#options.schema?.collections, write);
    const local = Promise.withResolvers<void>();
    const settled = Promise.withResolvers<Outcome>();
    const fail = (error: Error) => {
      local.reject(error);
      settled.reject(error);
    };
    // An application that looks at neither promise has still been told, by the events.
    local.promise.catch(() => {});
    settled.promise.catch(() => {});
    const draft = { writes, whole, call: `${this.#id}/${this.#next}` };
    const id = this.#ask(
      "mutate",
      [draft],
      (answer) => {
        local.resolve();
        const open = this.#open.get(id);
        if (open !== undefined) open.ask = { ...open.ask, again: "kept" };
        if (answer.kind === "done") settled.resolve(answer.value as Outcome);
      },
      fail,
    );
    return { local: local.promise, settled: settled.promise };
  }

  async sync(): Promise<void> {
    await this.#asked("sync");
  }

  async verify(): Promise<VerifyReport> {
    return await this.#asked("verify");
  }

  async inspect(): Promise<Inspection> {
    return await this.#asked("inspect");
  }

  async recover(): Promise<void> {
    await this.#asked("recover");
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#post = null;
    const closed = new ClientError(
      "closed",
      "the client was closed; a mutation that is durable is kept where the store is",
    );
    for (const { fail } of this.#open.values()) fail(closed);
    this.#open.clear();
    await this.#election.close();
    this.#status = { ...this.#status, state: "stopped", cause: null };
    this.#events.emit("status", this.#status);
  }

  #asked<T>(op: Operation, ...args: unknown[]): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#checkOpen();
      this.#ask(op, args, (answer) => answer.kind === "done" && resolve(answer.value as T), reject);
    });
  }

  #ask(op: Operation, args: readonly unknown[], take: Open["take"], fail: Open["fail"]): number {
    const ask: Ask = { id: this.#next++, op, args };
    this.#open.set(ask.id, { ask, take, fail });
    if (this.#post !== null) this.#sent(ask.id);
    return ask.id;
  }

  #sent(id: number): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    const { ask } = open;
    // Whether it arrives is not known: the next leader is told that it may know it already.
    open.ask = { ...ask, again: ask.again ?? "sent" };
    try {
      this.#post?.(ask);
    } catch (error) {
      // What no channel takes, no leader will.
      this.#open.delete(id);
      open.fail(error as Error);
    }
  }

  /** Something from a leader; with a welcome, how to speak to it. */
  #take({ leader, message }: ToTab, post: (ask: Ask) => void): void {
    if (this.#closed) return;
    if (message.kind === "welcome") {
      if (leader === this.#leader) return;
      // The welcome of a leader that has died may come after its successor's: whoever lives welcomes once more.
      if (this.#leader !== null) this.#election.hello();
      this.#leader = leader;
      this.#post = post;
      this.#said(message.status);
      for (const id of [...this.#open.keys()]) this.#sent(id);
    } else if (leader !== this.#leader) {
      return;
    } else if (message.kind === "event") {
      if (message.name === "status") this.#said(message.value);
      else this.#events.emit(message.name, message.value);
    } else {
      const open = this.#open.get(message.id);
      if (message.kind === "done" || message.kind === "failed") this.#open.delete(message.id);
      if (message.kind === "failed") open?.fail(errorOf(message.error));
      else open?.take(message);
    }
  }

  #said(status: Status): void {
    this.#status = status;
    this.#events.emit("status", status);
  }

  #checkOpen(): void {
    if (this.#closed) throw new ClientError("closed", "the client has been closed");
  }
}
