import { ConnectionLost, Interrupted, PullFirst } from "./errors.ts";
import type { Waiter } from "./pull-loop.ts";
import { Pusher } from "./push.ts";
import { LOST, type Session } from "./session.ts";
import { stateOf } from "./status.ts";
import { rung, Wake } from "./wake.ts";

/** What the push loop tells. */
interface Listener {
  /** The replica has to catch up, or the server has to be asked something first. */
  pullSoon(): void;
  /** A push has failed; it is tried again after a pause. */
  onFailure(error: unknown): Promise<void>;
}

/** Sends what is queued as soon as there is something, once a pull has told what the server has of this client (R3). */
export class PushLoop {
  readonly #session: Session;
  readonly #pusher: Pusher;
  readonly #listener: Listener;
  /** There may be something to send. */
  readonly #bell = new Wake();
  /** The server has answered: what failed may be tried again. */
  readonly #retry = new Wake();
  #flush: (Waiter & { readonly upTo: number })[] = [];

  constructor(session: Session, listener: Listener) {
    const { local, random, schema } = session;
    this.#session = session;
    this.#pusher = new Pusher(local, (body, signal) => session.push(body, signal), random, schema);
    this.#listener = listener;
  }

  /** There is something new to send. It hurries no server that is away. */
  soon(): void {
    this.#bell.ring();
  }

  /** What failed may be tried again. Each answer calls this, and mostly there is nothing to send. */
  retry(): void {
    if (!this.#pusher.due && this.#flush.length === 0) return;
    this.#bell.ring();
    this.#retry.ring();
  }

  /** Resolves when everything that was made before the call has its outcome; rejects when a push or a pull fails. */
  flushed(): Promise<void> {
    if (!this.#pusher.due) return Promise.resolve();
    const upTo = this.#session.local.meta.nextSeq - 1;
    const done = new Promise<void>((resolve, reject) => this.#flush.push({ upTo, resolve, reject }));
    // Whoever asks is not made to wait out the pause after a failure.
    this.retry();
    return done;
  }

  /** Whoever waits for outcomes is told that they do not come now. */
  failed(error: unknown): void {
    for (const waiter of this.#flush.splice(0)) waiter.reject(error);
  }

  async run(): Promise<void> {
    const session = this.#session;
    let failures = 0;
    while (!session.stopped.aborted) {
      const bell = this.#bell.signal;
      const retry = this.#retry.signal;
      if (!session.contacted || session.parked || !this.#pusher.due) {
        this.#answer();
        await rung(bell);
        continue;
      }
      try {
        const { revision } = await this.#pusher.push(session.stopped);
        this.#answer();
        session.condition.tell();
        // After a failure the state has to be found out anew.
        if (failures > 0) this.#listener.pullSoon();
        else if (revision !== null) this.#caughtUpTo(revision);
        failures = 0;
      } catch (error) {
        if (error instanceof Interrupted) continue;
        this.#failed(error);
        await this.#listener.onFailure(error);
        const lost = error instanceof ConnectionLost;
        await session.pause(lost ? Math.max(failures, LOST) : failures++, error, retry);
      }
    }
  }

  #failed(error: unknown): void {
    if (error instanceof PullFirst) {
      if (error.diverged) this.#session.nameKnown = true;
      this.#listener.pullSoon();
      return;
    }
    // A request is sent next, and says what is wrong, if anything is.
    if (error instanceof ConnectionLost) return;
    const failure = stateOf(error);
    if (failure !== null) this.#session.condition.say(failure.state, failure.cause);
    this.failed(error);
  }

  /** Outcomes have arrived; the replica follows at once where their revision has not. */
  #caughtUpTo(revision: number): void {
    const { local, live } = this.#session;
    // On a live connection it comes by itself.
    if (live.following?.works) return;
    if (revision > local.meta.revision && this.#session.active().length > 0) this.#listener.pullSoon();
  }

  /** Tells those whose mutations all have their outcomes. */
  #answer(): void {
    const { local } = this.#session;
    const oldest = local.meta.renew === null ? (local.unsettled()[0]?.seq ?? Number.POSITIVE_INFINITY) : 0;
    const done = this.#flush.filter(({ upTo }) => upTo < oldest);
    this.#flush = this.#flush.filter(({ upTo }) => upTo >= oldest);
    for (const waiter of done) waiter.resolve();
  }
}
