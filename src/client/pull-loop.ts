import { Problem } from "../wire/problem.ts";
import { OtherPrincipal } from "./answer.ts";
import { ConnectionLost, Interrupted } from "./errors.ts";
import { type Exchanged, exchange, requestOf } from "./exchange.ts";
import type { Following } from "./following.ts";
import type { Mender } from "./mend.ts";
import { LOST, type Session } from "./session.ts";
import { stateOf } from "./status.ts";
import { rung, Wake } from "./wake.ts";

/** At least this long lies between two answers without news, in milliseconds. */
const IDLE = 1_000;
/** So long a live connection that is being opened is waited for, before a pull waits for news, in milliseconds. */
const GRACE = 1_000;

export interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

/** What the pull loop tells. */
interface Listener {
  /** The server has answered: what waits may be sent. */
  onContact(): void;
  /** A pull has failed for good; it is tried again later. */
  onFailure(error: unknown): void;
}

/** Asks the server for what is new, over and over, each time waiting until there is something. */
export class PullLoop {
  readonly #session: Session;
  readonly #mender: Mender;
  readonly #listener: Listener;
  readonly #bell = new Wake();
  readonly #opening = new Wake();
  /** A pull that only waits for news, and may be given up for something more urgent. */
  #waiting: { abort(): void } | null = null;
  /** Whether the next pull shall not wait. */
  #urgent = true;
  /** There is nothing to do. */
  #resting = false;
  #fresh: Waiter[] = [];

  constructor(session: Session, mender: Mender, listener: Listener) {
    this.#session = session;
    this.#mender = mender;
    this.#listener = listener;
  }

  /** There is something new to pull for: a subscription, or a revision that the replica has not seen. */
  soon(): void {
    this.#urgent = true;
    this.#session.parked = false;
    this.#waiting?.abort();
    this.#opening.ring();
    this.#bell.ring();
  }

  /** Looks whether there is something to do now; hurries nothing. */
  look(): void {
    if (this.#resting) this.#bell.ring();
  }

  /** Gives up a pull that only waits. */
  interrupt(): void {
    this.#waiting?.abort();
  }

  /** A live connection has opened, or could not be: there is another way to wait for news. */
  switchOver(): void {
    if (this.#session.live.following !== null) this.#waiting?.abort();
    this.#opening.ring();
  }

  /** Resolves when a pull that began after the call is complete; rejects when one fails. */
  fresh(): Promise<void> {
    const done = new Promise<void>((resolve, reject) => this.#fresh.push({ resolve, reject }));
    this.soon();
    return done;
  }

  /** Nobody will be answered any more. */
  end(error: unknown): void {
    for (const waiter of this.#fresh.splice(0)) waiter.reject(error);
  }

  async run(): Promise<void> {
    const session = this.#session;
    let failures = 0;
    while (!session.stopped.aborted) {
      const bell = this.#bell.signal;
      const opening = this.#opening.signal;
      if ((session.parked || this.#nothingToDo()) && this.#fresh.length === 0) {
        this.#resting = true;
        await rung(bell);
        this.#resting = false;
        continue;
      }
      const waiters = this.#fresh.splice(0);
      try {
        if (session.live.opening && !this.#urgent) await session.sleep(GRACE, opening);
        const idled = await session.turn.exclusive(() => this.#once());
        failures = 0;
        for (const waiter of waiters) waiter.resolve();
        if (idled) await session.sleep(IDLE, bell);
      } catch (thrown) {
        if (thrown instanceof ConnectionLost) {
          this.#fresh.unshift(...waiters);
          if (!session.live.lost(thrown)) continue;
          this.#urgent = true;
          session.condition.say("behind", thrown.message);
          await session.pause(Math.max(failures, LOST), thrown, bell);
          continue;
        }
        // What goes wrong on a live connection is put right by requests.
        if (!(thrown instanceof Interrupted)) session.live.drop();
        const { error, again } = await this.#mender.judged(thrown);
        if (again) {
          this.#fresh.unshift(...waiters);
          if (!(error instanceof Interrupted)) this.#urgent = true;
          if (error instanceof Interrupted || failures === 0) {
            if (!(error instanceof Interrupted)) failures++;
            continue;
          }
        } else {
          this.#failed(error);
          // Once the server can be reached again, that is not to wait for news.
          this.#urgent = true;
          for (const waiter of waiters) waiter.reject(error);
        }
        await session.pause(failures++, error, bell);
      }
    }
  }

  /** Without subscriptions there is something to learn only before the first push, and after the last outcome. */
  #nothingToDo(): boolean {
    if (this.#session.active().length > 0 || this.#session.live.following !== null) return false;
    const { pending, meta } = this.#session.local;
    const unknown = !this.#session.contacted || meta.renew?.through === null;
    return ![...pending.values()].some(({ outcome }) => unknown || outcome !== null);
  }

  async #once(): Promise<boolean> {
    const { following } = this.#session;
    if (following === null || !this.#session.contacted) return await this.#pull();
    await this.#follow(following);
    return false;
  }

  /** One answer on the live connection; where something is urgent or it is time, a question and what answers it. */
  async #follow(following: Following): Promise<void> {
    const { bearer, condition, local } = this.#session;
    const urgent = this.#urgent;
    this.#urgent = false;
    if (urgent && following.works && condition.state !== "repairing") condition.say("behind");
    const take = async () => {
      const exchanged = await following.take((head, op) => {
        // What fills less than a page is shown before anybody could read that it is missing.
        if (op === "mark" && head > local.meta.revision) condition.say("behind");
        else if (op === "mark" || op === "end") condition.tell();
      });
      if (exchanged !== null) await this.#pulled(exchanged, false);
    };
    if (urgent || (await this.#isDue(following))) {
      await following.ask(take);
      bearer.confirm();
    } else await take();
    if (following.inStep) condition.complete(following.asOf);
    else this.#urgent = true;
  }

  async #isDue(following: Following): Promise<boolean> {
    this.#waiting = { abort: () => following.interrupt() };
    try {
      return await following.due();
    } finally {
      this.#waiting = null;
    }
  }

  /**
   * One question and its answer. It waits for news unless something is urgent. True where it came back at once with
   * nothing, from a server or through a proxy that does not wait: then the client has to.
   */
  async #pull(): Promise<boolean> {
    const { local, transport, condition, stopped, schema, nameKnown } = this.#session;
    const asked = this.#session.active();
    const urgent = this.#urgent || !this.#session.contacted;
    const wait = urgent ? 0 : this.#session.wait;
    this.#urgent = false;
    const request = {
      client: local.meta.client,
      subscriptions: asked.map(requestOf),
      ...(wait > 0 && { wait }),
      ...(local.asksAuthors && { authors: true }),
      ...(schema !== undefined && { schema }),
      ...(nameKnown && { known: local.known.map(({ cursor }) => cursor) }),
    };
    const given = new AbortController();
    const giveUp = () => given.abort();
    stopped.addEventListener("abort", giveUp);
    if (stopped.aborted) giveUp();
    if (wait > 0) this.#waiting = given;
    if (urgent && this.#session.contacted && condition.state !== "repairing") condition.say("behind");
    const began = local.clock.now();
    try {
      const exchanged = await exchange(local, asked, transport.pull(request, given.signal), (head, op) => {
        this.#waiting = null;
        if (head > local.meta.revision) condition.say("behind");
        else if (op === "mark" || op === "end") condition.tell();
      });
      this.#session.bearer.confirm();
      await this.#pulled(exchanged, nameKnown);
      if (!this.#session.inDoubt) this.#session.live.reach();
      condition.complete(began);
      return !urgent && !exchanged.changed && local.clock.now() - began < IDLE;
    } finally {
      this.#waiting = null;
      stopped.removeEventListener("abort", giveUp);
    }
  }

  async #pulled({ mismatched }: Exchanged, namedKnown: boolean): Promise<void> {
    const session = this.#session;
    session.contacted = true;
    if (namedKnown) {
      session.nameKnown = false;
      await this.#mender.lowerBases();
    }
    this.#listener.onContact();
    if (mismatched.length > 0) await this.#mender.repair(mismatched);
  }

  #failed(error: unknown): void {
    const session = this.#session;
    const failure = stateOf(error);
    if (failure === null) return;
    session.parked = failure.parks;
    // Nothing is pushed for another principal: whose the token is now, the next pull says (C9).
    if (error instanceof OtherPrincipal) session.contacted = false;
    session.condition.say(failure.state, failure.cause);
    if (this.#startsTheSpace(error)) {
      session.bearer.confirm();
      session.contacted = true;
      this.#listener.onContact();
    }
    this.#listener.onFailure(error);
  }

  /** A space that is not there yet is made by its first push, which need not wait for what a pull would say (H9). */
  #startsTheSpace(error: unknown): boolean {
    return error instanceof Problem && error.code === "unknown-space" && this.#session.local.meta.principal === null;
  }
}
