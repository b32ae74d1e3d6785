import { randomName, systemRandom } from "../../util/random.ts";
import type { ClientOptions } from "../client.ts";
import { Host } from "./host.ts";
import { type Ask, type Call, type ToTab, VERSION } from "./messages.ts";
import type { Channel, Surroundings } from "./surroundings.ts";

type Take = (message: ToTab, post: (ask: Ask) => void) => void;

/** What a leader has. */
interface Lead {
  readonly host: Host;
  readonly channels: Map<string, Channel>;
  /** Lets the lock go. */
  readonly resign: () => void;
}

/**
 * Finds out who of the tabs leads, and connects this one with it. The lead is a lock, which the browser gives to the next
 * when its holder closes or dies. A second lock says that a tab lives; the leader waits for it, to know when it is gone.
 */
export class Election {
  readonly #prefix: string;
  readonly #id: string;
  readonly #options: ClientOptions;
  readonly #around: Surroundings;
  readonly #take: Take;
  /** Heard by all tabs; and by this one and the leader. */
  readonly #all: Channel;
  readonly #own: Channel;
  readonly #closing = new AbortController();
  readonly #offLife: () => void;
  #lead: Lead | null = null;
  /** The end of the last time as leader: two clients never have one store object. */
  #led: Promise<void> = Promise.resolve();
  /** Aborted when this tab no longer stands for the lead. */
  #standing = new AbortController();

  constructor(name: string, id: string, options: ClientOptions, around: Surroundings, take: Take) {
    this.#prefix = `tidemark/${VERSION}/${name}`;
    this.#id = id;
    this.#options = options;
    this.#around = around;
    this.#take = take;
    this.#all = around.channel(this.#prefix);
    this.#own = around.channel(`${this.#prefix}/${id}`);
    this.#all.onmessage = ({ data }) => this.#called(data as Call);
    this.#own.onmessage = ({ data }) => take(data as ToTab, (ask) => this.#own.postMessage(ask));
    this.#offLife = around.onLife(
      () => this.#stop(),
      () => this.#goOn(),
    );
    this.#hold(`${this.#prefix}/${id}`, this.#closing, async () => {
      this.#hello();
      await aborted(this.#closing.signal);
    });
    this.#stand();
  }

  async close(): Promise<void> {
    this.#offLife();
    this.#standing.abort();
    const lead = this.#lead;
    this.#lead = null;
    if (lead !== null) {
      await this.#ended(lead);
      lead.resign();
    }
    this.#closing.abort();
    await this.#led;
    this.#all.close();
    this.#own.close();
  }

  #hold(name: string, until: AbortController, hold: () => Promise<void>): void {
    this.#around.lock(name, until.signal, hold).catch(() => {
      // It was given up before it got the lock.
    });
  }

  #hello(): void {
    this.#all.postMessage({ hello: this.#id } satisfies Call);
  }

  /** Waits to be the leader, and leads. */
  #stand(): void {
    const standing = new AbortController();
    this.#standing = standing;
    this.#hold(this.#prefix, standing, async () => {
      await this.#led;
      if (standing.signal.aborted) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const host = new Host(this.#options, randomName(this.#options.random ?? systemRandom));
      this.#lead = { host, channels: new Map(), resign: resolve };
      this.#all.postMessage({ leader: true } satisfies Call);
      const post = host.enter(this.#id, (message) => this.#take(message, post));
      host.greet(this.#id);
      await promise;
    });
  }

  #called(message: Call): void {
    if (!("hello" in message)) return this.#hello();
    if (this.#lead === null) return;
    const { host, channels } = this.#lead;
    const tab = message.hello;
    if (channels.has(tab)) return host.greet(tab);
    const name = `${this.#prefix}/${tab}`;
    const channel = this.#around.channel(name);
    channels.set(tab, channel);
    const post = host.enter(tab, (answer) => channel.postMessage(answer));
    channel.onmessage = ({ data }) => post(data as Ask);
    host.greet(tab);
    this.#hold(name, this.#closing, async () => {
      host.leave(tab);
      channel.close();
      channels.delete(tab);
    });
  }

  /**
   * The page is about to be stopped: somebody else shall lead, and there is no time to wait for anything. A stopped page
   * that waited for the lock would get it some day, and lead nobody.
   */
  #stop(): void {
    this.#standing.abort();
    const lead = this.#lead;
    this.#lead = null;
    if (lead === null) return;
    lead.resign();
    this.#led = this.#ended(lead);
  }

  #goOn(): void {
    if (!this.#standing.signal.aborted) return;
    this.#hello();
    this.#stand();
  }

  async #ended({ host, channels }: Lead): Promise<void> {
    const closed = host.close();
    for (const channel of channels.values()) channel.close();
    await closed;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve());
    if (signal.aborted) resolve();
  });
}
