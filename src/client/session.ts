import { backoff } from "../util/backoff.ts";
import type { Random } from "../util/random.ts";
import { Problem } from "../wire/problem.ts";
import type { PushResponse } from "../wire/push.ts";
import type { Bearer } from "./bearer.ts";
import type { SocketConstructor } from "./channel.ts";
import { PullFirst } from "./errors.ts";
import type { Following } from "./following.ts";
import { Gate } from "./gate.ts";
import { Live } from "./live.ts";
import type { Local } from "./local.ts";
import type { Subscription } from "./state.ts";
import { Condition, retryAfterOf } from "./status.ts";
import type { Transport } from "./transport.ts";

export interface SyncOptions {
  readonly local: Local;
  readonly transport: Transport;
  readonly bearer: Bearer;
  /** Undefined where there are no live connections. */
  readonly Socket: SocketConstructor | undefined;
  readonly random: Random;
  /** Seconds that a pull waits for news. */
  readonly wait: number;
  /** Version of the schema that the application speaks (C8). */
  readonly schema: number | undefined;
}

/** A new attempt comes at most this long after the last, in milliseconds (L5). */
const RETRY = { first: 500, most: 30_000 };
/** Where a live connection is lost, so are those of all others: the first attempt is drawn as if it were the third. */
export const LOST = 2;

/** What the loops of one client share, and those that put right what they find. */
export class Session {
  readonly local: Local;
  readonly transport: Transport;
  readonly bearer: Bearer;
  readonly live: Live;
  readonly random: Random;
  readonly wait: number;
  readonly schema: number | undefined;
  readonly condition: Condition;
  /** One question to the server at a time that moves the replica. */
  readonly turn = new Gate();
  readonly #stop = new AbortController();
  #pushing = false;
  /** A pull has told what the server has of this client, so that there may be pushes (R3). */
  contacted = false;
  /** Nothing is tried until somebody asks for it. */
  parked = false;
  /** Whether the next pull names past places, since the server's history is not ours (R2). */
  nameKnown = false;

  constructor(options: SyncOptions) {
    this.local = options.local;
    this.transport = options.transport;
    this.bearer = options.bearer;
    this.random = options.random;
    this.wait = options.wait;
    this.schema = options.schema;
    this.condition = new Condition(options.local);
    this.live = new Live({ ...options, url: `${options.transport.base}/live`, stopped: this.stopped });
  }

  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  stop(): void {
    this.#stop.abort();
  }

  /** The live connection, where what is to be asked next can be asked there: recovery runs over requests (section 6). */
  get following(): Following | null {
    const { following } = this.live;
    if (following === null) return null;
    if (this.nameKnown || !following.fits) this.live.drop();
    else if (following.works || !this.inDoubt) return following;
    return null;
  }

  /**
   * A push is under way, or broke off, whose outcome is not known: only the answer to a question says whether what it holds
   * is among what came (W9), so that no connection is begun.
   */
  get inDoubt(): boolean {
    return this.#pushing && this.local.unsettledCount > 0;
  }

  /** Sends the text of a PushRequest: on a live connection once an answer on it has named the principal (C9). */
  async push(body: string, signal: AbortSignal): Promise<PushResponse> {
    const { following } = this.live;
    const way = following?.works ? following : this.transport;
    this.#pushing = true;
    try {
      const response = await way.push(body, signal);
      this.#pushing = false;
      return response;
    } catch (error) {
      // Nothing was sent, or it was refused as a whole.
      if (error instanceof PullFirst || error instanceof Problem) this.#pushing = false;
      throw error;
    }
  }

  /** Subscriptions that are asked for: all but those that the server has refused. */
  active(): Subscription[] {
    return [...this.local.subscriptions.values()].filter(({ revoked }) => !revoked);
  }

  /** After a failure: a pause with full jitter, after as long as the server asked for, unless the bell rings. */
  async pause(failures: number, error: unknown, bell: AbortSignal): Promise<void> {
    await this.sleep(retryAfterOf(error) + backoff(failures, RETRY, this.random), bell);
  }

  /** Until the time is over, the bell rings, or the client is closed. */
  async sleep(ms: number, bell: AbortSignal): Promise<void> {
    const over = new AbortController();
    const ring = () => over.abort();
    for (const signal of [bell, this.stopped]) {
      signal.addEventListener("abort", ring);
      if (signal.aborted) ring();
    }
    await this.local.clock.sleep(ms, over.signal);
    for (const signal of [bell, this.stopped]) signal.removeEventListener("abort", ring);
  }
}
