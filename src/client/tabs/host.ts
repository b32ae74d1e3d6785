import type { RecordData } from "../../model/record.ts";
import { type ClientOptions, TidemarkClient } from "../client.ts";
import { Emitter, type Events } from "../events.ts";
import type { Query } from "../query.ts";
import type { Draft } from "../queue.ts";
import type { SubscribeOptions } from "../subscribe.ts";
import { type Ask, failureOf, type ToTab } from "./messages.ts";

type Send = (message: ToTab["message"]) => void;

/** The client of the leader, which does for every tab what it asks. */
export class Host {
  readonly #client: TidemarkClient;
  readonly #leader: string;
  readonly #tabs = new Map<string, Guest>();

  constructor(options: ClientOptions, leader: string) {
    this.#leader = leader;
    this.#client = new TidemarkClient(options, new Telling((name, value) => this.#tell(name, value)));
  }

  /** Lets a tab in, and gives how it asks. */
  enter(tab: string, send: (message: ToTab) => void): (ask: Ask) => void {
    const guest = new Guest(this.#client, (message) => send({ leader: this.#leader, message }));
    this.#tabs.set(tab, guest);
    return (ask) => guest.take(ask);
  }

  /** Tells a tab that has been let in who leads. */
  greet(tab: string): void {
    this.#tabs.get(tab)?.send({ kind: "welcome", status: this.#client.status });
  }

  /** The tab is gone: what it observed need not be told any more. */
  leave(tab: string): void {
    this.#tabs.get(tab)?.leave();
    this.#tabs.delete(tab);
  }

  /** From now on no tab hears of this leader; what it was doing is not answered. */
  async close(): Promise<void> {
    for (const tab of [...this.#tabs.keys()]) this.leave(tab);
    await this.#client.close();
  }

  #tell<N extends keyof Events>(name: N, value: Events[N]): void {
    for (const guest of this.#tabs.values()) guest.send({ kind: "event", name, value: value as never });
  }
}

/** Events of the leader's client, told to all tabs. */
class Telling extends Emitter {
  readonly #tell: <N extends keyof Events>(name: N, event: Events[N]) => void;

  constructor(tell: <N extends keyof Events>(name: N, event: Events[N]) => void) {
    super();
    this.#tell = tell;
  }

  override emit<N extends keyof Events>(name: N, event: Events[N]): void {
    super.emit(name, event);
    this.#tell(name, event);
  }
}

/** A tab as the leader sees it. */
class Guest {
  readonly #client: TidemarkClient;
  readonly #observed = new Map<number, () => void>();
  #send: Send | null;

  constructor(client: TidemarkClient, send: Send) {
    this.#client = client;
    this.#send = send;
  }

  send(message: ToTab["message"]): void {
    this.#send?.(message);
  }

  leave(): void {
    this.#send = null;
    for (const stop of this.#observed.values()) stop();
  }

  take(ask: Ask): void {
    const { id, op, args } = ask;
    if (op === "observe") return this.#observe(id, args[0] as Query);
    if (op === "stop") {
      this.#observed.get(args[0] as number)?.();
      this.#observed.delete(args[0] as number);
      return;
    }
    this.#done(ask).then(
      (value) => this.send({ id, kind: "done", value }),
      (error: unknown) => this.send({ id, kind: "failed", error: failureOf(error) }),
    );
  }

  async #done({ id, op, args, again }: Ask): Promise<unknown> {
    const client = this.#client;
    const [first, second] = args;
    switch (op) {
      case "subscribe":
        return await client.subscribe(first as SubscribeOptions).ready;
      case "subscriptions":
        return (await client.subscriptions()).map(({ key }) => key);
      case "filled":
        return await (await client.subscriptions()).find(({ key }) => key === first)?.ready;
      case "unsubscribe":
        return await client.unsubscribe(first as string);
      case "get":
        return await client.get(first as string, second as string);
      case "query":
        return await client.query(first as Query);
      case "mutate": {
        const { local, settled } = client.enqueue({ ...(first as Draft), again });
        await local;
        this.send({ id, kind: "local" });
        return await settled;
      }
      case "sync":
        return await client.sync();
      case "verify":
        return await client.verify();
      case "inspect":
        return await client.inspect();
      case "recover":
        return await client.recover();
    }
    throw new Error(`this version knows no ${op}: reload the other tabs`);
  }

  /** Tells a query's result, and after that only what has changed of it. */
  #observe(id: number, query: Query): void {
    let before: ReadonlyMap<string, RecordData> | null = null;
    const stop = this.#client.observe(query, (records: readonly RecordData[]) => {
      const now = new Map(records.map((record) => [record.id, record]));
      const put = records.filter((record) => before?.get(record.id) !== record);
      const gone = [...(before?.keys() ?? [])].filter((each) => !now.has(each));
      this.send({ id, kind: "news", whole: before === null, put, gone });
      before = now;
    });
    this.#observed.set(id, stop);
  }
}
