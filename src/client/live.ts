import type { Random } from "../util/random.ts";
import { Problem } from "../wire/problem.ts";
import type { Bearer } from "./bearer.ts";
import { Channel, type SocketConstructor } from "./channel.ts";
import type { ConnectionLost } from "./errors.ts";
import { Following } from "./following.ts";
import type { Local } from "./local.ts";
import type { VerifyReport } from "./verify.ts";
import { Watch } from "./watch.ts";

export interface LiveOptions {
  readonly local: Local;
  /** Of the server's `…/live`, beginning with http or https. */
  readonly url: string;
  /** Undefined where there are no live connections. */
  readonly Socket: SocketConstructor | undefined;
  readonly bearer: Bearer;
  readonly schema: number | undefined;
  readonly random: Random;
  readonly stopped: AbortSignal;
}

/** How long a connection may take to open, in milliseconds. */
const OPENING = 10_000;
/** After an attempt that came to nothing the next one waits, twice as long each time, in milliseconds. */
const COOL = { first: 10_000, most: 600_000 };
/** A connection that ended sooner than this did not really work. */
const SHORT = 30_000;

/**
 * Opens live connections beside the pulls, which go on until one is there, and takes over again when it ends (L6). So
 * nobody waits for a connection that does not come about.
 */
export class Live {
  readonly #options: LiveOptions;
  #following: Following | null = null;
  #since = 0;
  #opening = false;
  #failures = 0;
  #cooling: AbortController | null = null;
  /** Verifies the replica, as the server asks for it (Y15). */
  onVerify: () => Promise<VerifyReport> = () => Promise.reject(new Error("nothing verifies"));
  #verifying = false;
  /** Told when an attempt has ended. */
  onChange: () => void = () => {};

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  /** The open connection. */
  get following(): Following | null {
    return this.#following;
  }

  /** Whether one is about to open. */
  get opening(): boolean {
    return this.#opening;
  }

  /** Opens a connection, unless there is one or it is too soon after one that failed. */
  reach(): void {
    const { Socket, stopped } = this.#options;
    const busy = this.#following !== null || this.#opening || this.#cooling !== null;
    if (Socket === undefined || busy || stopped.aborted) return;
    this.#opening = true;
    const opened = this.#open(Socket).then(
      (following) => {
        if (stopped.aborted) return following.channel.close();
        this.#following = following;
        this.#since = this.#options.local.clock.now();
      },
      () => this.#cool(),
    );
    void opened.finally(() => {
      this.#opening = false;
      this.onChange();
    });
  }

  /** Gives up the present connection. */
  drop(): void {
    this.#following?.channel.close();
    this.#following = null;
  }

  /** The present connection has ended by itself. True where it had worked. */
  lost({ cause }: ConnectionLost): boolean {
    const works = this.#following?.works === true;
    const lasted = Math.abs(this.#options.local.clock.now() - this.#since) >= SHORT;
    this.drop();
    // A server that says why it ends a connection that worked has nothing against the next one.
    if (works && (lasted || cause instanceof Problem)) this.#failures = 0;
    else this.#cool();
    return works;
  }

  /** The network is another one: what did not work may work now. */
  thaw(): void {
    this.#failures = 0;
    this.#cooling?.abort();
  }

  async #open(Socket: SocketConstructor): Promise<Following> {
    const { local, url, bearer, schema, stopped } = this.#options;
    const { clock } = local;
    const watch = new Watch(clock, OPENING, stopped);
    try {
      const token = await bearer.present(watch);
      const channel = await Channel.open(Socket, url.replace(/^http/, "ws"), clock, watch);
      channel.onVerify = (number) => void this.#verify(channel, number);
      return new Following({ local, channel, bearer, schema, stopped }, token);
    } finally {
      watch.close();
    }
  }

  /** One at a time: whoever asks meanwhile is told what this one finds by the next answer. */
  async #verify(channel: Channel, number: number): Promise<void> {
    if (this.#verifying) return;
    this.#verifying = true;
    const answer = await this.onVerify().then(foundIn, () => ({ failure: "the replica could not verify itself now" }));
    this.#verifying = false;
    if (!channel.over.aborted) channel.send({ op: "verified", verify: number, ...answer });
  }

  #cool(): void {
    const { random, stopped } = this.#options;
    const { clock } = this.#options.local;
    const most = Math.min(COOL.most, COOL.first * 2 ** Math.min(this.#failures++, 30));
    const cooling = new AbortController();
    const thaw = () => cooling.abort();
    stopped.addEventListener("abort", thaw);
    if (stopped.aborted) thaw();
    this.#cooling = cooling;
    // At least half of it: what a proxy refuses now it refuses in a moment.
    void clock.sleep(most * (0.5 + random.fraction() / 2), cooling.signal).then(() => {
      stopped.removeEventListener("abort", thaw);
      this.#cooling = null;
    });
  }
}

function foundIn({ subscriptions }: VerifyReport) {
  return {
    found: {
      records: subscriptions.reduce((sum, { count }) => sum + count, 0),
      differences: subscriptions.reduce((sum, { differences }) => sum + differences.length, 0),
      copied: subscriptions.some(({ copied }) => copied),
    },
  };
}
