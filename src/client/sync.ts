import { backoff } from "../util/backoff.ts";
import { canonical } from "../util/json.ts";
import type { Random } from "../util/random.ts";
import { Problem } from "../wire/problem.ts";
import { Diverged, OtherPrincipal } from "./answer.ts";
import { ClientError, Interrupted, PullFirst, TransportError } from "./errors.ts";
import { type Exchanged, exchange, requestOf, revokeAll } from "./exchange.ts";
import { Gate } from "./gate.ts";
import type { Local } from "./local.ts";
import { Pusher } from "./push.ts";
import { clientsBeyond, copyAnew, divergedChange } from "./recover.ts";
import { ReplicaDamage } from "./replica.ts";
import { type Subscription, withBaseAtMost } from "./state.ts";
import { retryAfterOf, type StateName, type Status, stateOf } from "./status.ts";
import { StoreError } from "./store/store.ts";
import type { Transport } from "./transport.ts";
import { Verifier, type VerifyReport } from "./verify.ts";
import { rung, Wake } from "./wake.ts";

export interface SyncOptions {
  readonly local: Local;
  readonly transport: Transport;
  readonly random: Random;
  /** Seconds that a pull waits for news. */
  readonly wait: number;
  /** Version of the schema that the application speaks (C8). */
  readonly schema: number | undefined;
}

/** A new attempt comes at most this long after the last, in milliseconds (L5). */
const RETRY = { first: 500, most: 30_000 };
/** At least this long lies between two answers without news, in milliseconds. */
const IDLE = 1_000;
/** How often a verification that ran into a recovery is begun again. */
const ATTEMPTS = 4;

interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Keeps a replica in step with its server: one loop pulls, waiting for news; one pushes what is queued. They meet in
 * `local`. Nothing is pushed before the first pull, which tells what the server has of this client (R3).
 */
export class Sync {
  readonly #local: Local;
  readonly #transport: Transport;
  readonly #options: SyncOptions;
  readonly #pusher: Pusher;
  readonly #verifier: Verifier;
  /** One question to the server at a time that moves the replica. */
  readonly #turn = new Gate();
  readonly #stopped = new AbortController();
  readonly #pullBell = new Wake();
  readonly #pushBell = new Wake();
  /** The server has answered: what failed may be tried again. */
  readonly #retryBell = new Wake();
  /** A pull that only waits for news, and may be given up for something more urgent. */
  #idle: AbortController | null = null;
  /** Whether the next pull shall not wait. */
  #urgent = true;
  #contacted = false;
  #parked = false;
  /** The pull loop has nothing to do. */
  #resting = false;
  /** Whether to name past places, since the server's history is not ours (R2). */
  #nameKnown = false;
  #fresh: Waiter[] = [];
  #flush: (Waiter & { readonly upTo: number })[] = [];
  #state: StateName = "connecting";
  #cause: string | null = null;
  #asOf: number | null = null;
  #told = "";
  #loops: Promise<unknown> = Promise.resolve();

  constructor(options: SyncOptions) {
    const { local, transport, random, schema } = options;
    this.#options = options;
    this.#local = local;
    this.#transport = transport;
    this.#pusher = new Pusher(local, transport, random, schema);
    this.#verifier = new Verifier(local, transport, schema);
  }

  get status(): Status {
    const { revision } = this.#local.meta;
    return {
      state: this.#state,
      cause: this.#cause,
      revision,
      asOf: this.#asOf,
      pending: this.#local.unsettled().length,
    };
  }

  /** Whether what is held may be shown: not where the store turned out to be somebody else's (C9). */
  get mayShow(): boolean {
    return this.#state !== "other-principal";
  }

  start(): void {
    this.#loops = Promise.all([this.#pullLoop(), this.#pushLoop()]);
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#idle?.abort();
    this.#pullBell.ring();
    this.#pushBell.ring();
    await this.#loops;
    const closed = new ClientError("closed", "the client has been closed");
    for (const waiter of [...this.#fresh.splice(0), ...this.#flush.splice(0)]) waiter.reject(closed);
    this.#say("stopped", null);
  }

  /** There is something new to pull for: a subscription, or a revision that the replica has not seen. */
  pullSoon(): void {
    this.#urgent = true;
    this.#parked = false;
    this.#idle?.abort();
    this.#pullBell.ring();
  }

  /** There is something new to push. It interrupts nothing. */
  pushSoon(): void {
    this.#pushBell.ring();
    if (this.#resting) this.#pullBell.ring();
    this.#tell();
  }

  /** Resolves when all that waits now has its outcome, and the replica is complete to a revision after the call. */
  async sync(): Promise<void> {
    this.#checkRunning();
    if (!this.#contacted) await this.#freshPull();
    await this.#flushed();
    await this.#freshPull();
  }

  async verify(): Promise<VerifyReport> {
    for (let attempt = 1; ; attempt++) {
      this.#checkRunning();
      this.#idle?.abort();
      try {
        return await this.#turn.exclusive(() => this.#verified(this.#active()));
      } catch (error) {
        // A replica that has to be copied first is compared afterwards.
        if (attempt === ATTEMPTS || !(await this.#handled(error))) throw error;
        await this.#freshPull();
      }
    }
  }

  #checkRunning(): void {
    if (this.#stopped.signal.aborted) throw new ClientError("closed", "the client has been closed");
  }

  #freshPull(): Promise<void> {
    const done = new Promise<void>((resolve, reject) => this.#fresh.push({ resolve, reject }));
    this.pullSoon();
    return done;
  }

  #flushed(): Promise<void> {
    if (!this.#pusher.due) return Promise.resolve();
    const upTo = this.#local.meta.nextSeq - 1;
    const done = new Promise<void>((resolve, reject) => this.#flush.push({ upTo, resolve, reject }));
    this.#pushBell.ring();
    return done;
  }

  async #pullLoop(): Promise<void> {
    let failures = 0;
    while (!this.#stopped.signal.aborted) {
      const bell = this.#pullBell.signal;
      if ((this.#parked || this.#nothingToPull()) && this.#fresh.length === 0) {
        this.#resting = true;
        await rung(bell);
        this.#resting = false;
        continue;
      }
      const waiters = this.#fresh.splice(0);
      try {
        const idled = await this.#turn.exclusive(() => this.#pull());
        failures = 0;
        for (const waiter of waiters) waiter.resolve();
        if (idled) await this.#sleep(IDLE, bell);
      } catch (thrown) {
        const { error, again } = await this.#judged(thrown);
        if (again) {
          this.#fresh.unshift(...waiters);
          this.#urgent = true;
          if (error instanceof Interrupted || failures++ === 0) continue;
        } else {
          this.#failed(error);
          if (this.#startsTheSpace(error)) {
            this.#transport.confirm();
            this.#contacted = true;
            this.#pushBell.ring();
          }
          for (const waiter of [...waiters, ...this.#flush.splice(0)]) waiter.reject(error);
        }
        await this.#pause(failures++, error, bell);
      }
    }
  }

  /** A space that is not there yet is made by its first push, which need not wait for what a pull would say (H9). */
  #startsTheSpace(error: unknown): boolean {
    return error instanceof Problem && error.code === "unknown-space" && this.#local.meta.principal === null;
  }

  /** Without subscriptions there is something to learn only before the first push, and after the last outcome. */
  #nothingToPull(): boolean {
    if (this.#active().length > 0) return false;
    const { pending, meta } = this.#local;
    const unknown = !this.#contacted || meta.renew?.through === null;
    return ![...pending.values()].some(({ outcome }) => unknown || outcome !== null);
  }

  #active(): Subscription[] {
    return [...this.#local.subscriptions.values()].filter(({ revoked }) => !revoked);
  }

  /**
   * One question and its answer. It waits for news unless something is urgent. True where it came back at once with
   * nothing, from a server or through a proxy that does not wait: then the client has to.
   */
  async #pull(): Promise<boolean> {
    const { clock, meta, known } = this.#local;
    const asked = this.#active();
    const urgent = this.#urgent || !this.#contacted;
    const wait = urgent ? 0 : this.#options.wait;
    this.#urgent = false;
    const idle = new AbortController();
    const onStop = () => idle.abort();
    this.#stopped.signal.addEventListener("abort", onStop);
    if (this.#stopped.signal.aborted) idle.abort();
    if (wait > 0) this.#idle = idle;
    const began = clock.now();
    const request = {
      client: meta.client,
      subscriptions: asked.map(requestOf),
      ...(wait > 0 && { wait }),
      ...(this.#options.schema !== undefined && { schema: this.#options.schema }),
      ...(this.#nameKnown && { known: known.map(({ cursor }) => cursor) }),
    };
    if (urgent && this.#contacted && this.#state !== "repairing") this.#say("behind", null);
    try {
      const exchanged = await exchange(this.#local, asked, this.#transport.pull(request, idle.signal), (head) => {
        this.#idle = null;
        if (head > this.#local.meta.revision) this.#say("behind", null);
      });
      await this.#pulled(exchanged, began);
      return !urgent && !exchanged.changed && clock.now() - began < IDLE;
    } finally {
      this.#idle = null;
      this.#stopped.signal.removeEventListener("abort", onStop);
    }
  }

  async #pulled({ mismatched }: Exchanged, began: number): Promise<void> {
    this.#transport.confirm();
    this.#contacted = true;
    if (this.#nameKnown) {
      this.#nameKnown = false;
      await this.#local.gate.exclusive(() => this.#lowerBases());
    }
    this.#pushBell.ring();
    this.#retryBell.ring();
    if (mismatched.length > 0) await this.#repair(mismatched);
    this.#asOf = began;
    this.#say("upToDate", null);
  }

  /** The server found a base beyond its head, and every cursor good: what waits counts as written on what is held. */
  async #lowerBases(): Promise<void> {
    const { revision } = this.#local.meta;
    const pending = this.#local
      .unsettled()
      .map((each) => ({ ...each, mutation: withBaseAtMost(each.mutation, revision) }));
    if (pending.length > 0) await this.#local.commit({ pending });
  }

  async #repair(mismatched: readonly Subscription[]): Promise<void> {
    for (const { key } of mismatched) {
      this.#local.events.emit("damaged", { key, message: "the content differs from the server's" });
    }
    const { subscriptions } = await this.#verified(mismatched);
    const beyond = subscriptions.filter(({ copied }) => copied).map(({ key }) => key);
    if (beyond.length > 0)
      throw new Error(`what the server sends of ${beyond.join(", ")} does not have the fingerprint that it says`);
  }

  async #verified(subscriptions: readonly Subscription[]): Promise<VerifyReport> {
    const before = this.#state;
    this.#say("repairing", "the replica is compared with the server");
    try {
      const numbers = subscriptions.map(({ number }) => number);
      const report = await this.#verifier.verify(numbers, this.#stopped.signal);
      if (report.subscriptions.some(({ differences }) => differences.length > 0))
        this.#local.events.emit("repaired", report);
      return report;
    } finally {
      if (this.#state === "repairing") this.#say(before, null);
    }
  }

  /** Whether to ask again after an error; what failed while it was put right is the error then. */
  async #judged(error: unknown): Promise<{ error: unknown; again: boolean }> {
    if (error instanceof Interrupted) return { error, again: true };
    try {
      return { error, again: await this.#handled(error) };
    } catch (failure) {
      return { error: failure, again: failure instanceof Interrupted };
    }
  }

  /** Puts right what an error says about the replica; true where the question is to be asked again. */
  async #handled(error: unknown): Promise<boolean> {
    const local = this.#local;
    if (error instanceof PullFirst) return true;
    if (error instanceof Diverged) {
      if (error.common === undefined && !this.#nameKnown) {
        this.#nameKnown = true;
        return true;
      }
      await this.#diverged(error);
      return true;
    }
    if (error instanceof Problem && error.code === "forbidden" && this.#active().length > 0) {
      await revokeAll(local, this.#active());
      return true;
    }
    if (error instanceof StoreError && error.failure === "damaged") {
      await this.#rebuild(error);
      return true;
    }
    if (error instanceof ReplicaDamage) {
      local.events.emit("damaged", { key: error.subscription.key, message: error.message });
      await local.gate.exclusive(async () => {
        const now = local.subscriptions.get(error.subscription.number);
        if (now !== undefined) await local.commit(copyAnew([now]));
      });
      return true;
    }
    return false;
  }

  async #diverged(diverged: Diverged): Promise<void> {
    const local = this.#local;
    this.#nameKnown = false;
    this.#say("repairing", diverged.message);
    const survived = new Map<string, number>();
    for (const client of await clientsBeyond(local, diverged.common ?? 0)) {
      survived.set(client, await this.#lastOf(client));
    }
    await local.gate.exclusive(async () => {
      const { change, offered, lost } = await divergedChange(local, diverged, survived);
      await local.commit(change);
      local.events.emit("recovered", {
        reason: "diverged",
        common: diverged.common ?? 0,
        policy: diverged.policy,
        offered,
      });
      if (lost.length > 0) local.events.emit("lost", { mutations: lost });
    });
  }

  /** The last mutation of a client id that the server has. */
  async #lastOf(client: string): Promise<number> {
    for await (const { line } of this.#transport.pull({ client, subscriptions: [] }, this.#stopped.signal)) {
      if (line.op === "end") return line.lastMutation ?? 0;
    }
    throw new TransportError("cut", "the answer broke off before its end");
  }

  /** The store cannot be read: it is made anew, keeps what of the queue it still has, and is filled by copies (R1). */
  async #rebuild(damage: StoreError): Promise<void> {
    this.#say("repairing", damage.message);
    await this.#local.gate.exclusive(() => this.#local.rebuild());
    this.#local.events.emit("recovered", { reason: "damaged", message: damage.message });
  }

  /** A read found the store damaged. */
  async storeDamaged(damage: StoreError): Promise<void> {
    this.#idle?.abort();
    await this.#turn.exclusive(() => this.#rebuild(damage));
    this.pullSoon();
  }

  /** Copies everything anew (R1). */
  async recover(): Promise<void> {
    this.#checkRunning();
    this.#idle?.abort();
    await this.#turn.exclusive(() => this.#local.gate.exclusive(() => this.#local.commit(copyAnew(this.#active()))));
    this.#local.events.emit("recovered", { reason: "asked" });
    await this.#freshPull();
  }

  async #pushLoop(): Promise<void> {
    let failures = 0;
    while (!this.#stopped.signal.aborted) {
      const bell = this.#pushBell.signal;
      const retry = this.#retryBell.signal;
      if (!this.#contacted || this.#parked || !this.#pusher.due) {
        this.#wakeFlushed();
        await rung(bell);
        continue;
      }
      try {
        const { revision } = await this.#pusher.push(this.#stopped.signal);
        failures = 0;
        if (revision !== null) this.#caughtUpTo(revision);
        this.#wakeFlushed();
        this.#tell();
      } catch (error) {
        if (error instanceof Interrupted) continue;
        if (error instanceof PullFirst) {
          if (error.diverged) this.#nameKnown = true;
          this.pullSoon();
        } else {
          this.#failed(error);
        }
        for (const waiter of error instanceof PullFirst ? [] : this.#flush.splice(0)) waiter.reject(error);
        await this.#pause(failures++, error, retry);
      }
    }
  }

  /** Outcomes have arrived; the replica follows at once where their revision has not. */
  #caughtUpTo(revision: number): void {
    if (revision > this.#local.meta.revision && this.#active().length > 0) this.pullSoon();
  }

  #wakeFlushed(): void {
    const oldest = this.#local.meta.renew === null ? (this.#local.unsettled()[0]?.seq ?? Number.POSITIVE_INFINITY) : 0;
    const done = this.#flush.filter(({ upTo }) => upTo < oldest);
    this.#flush = this.#flush.filter(({ upTo }) => upTo >= oldest);
    for (const waiter of done) waiter.resolve();
  }

  async #pause(failures: number, error: unknown, bell: AbortSignal): Promise<void> {
    await this.#sleep(Math.max(backoff(failures, RETRY, this.#options.random), retryAfterOf(error)), bell);
  }

  /** Until the time is over, the bell rings, or the client is closed. */
  async #sleep(ms: number, bell: AbortSignal): Promise<void> {
    const over = new AbortController();
    const ring = () => over.abort();
    bell.addEventListener("abort", ring);
    this.#stopped.signal.addEventListener("abort", ring);
    if (bell.aborted || this.#stopped.signal.aborted) ring();
    await this.#local.clock.sleep(ms, over.signal);
    bell.removeEventListener("abort", ring);
    this.#stopped.signal.removeEventListener("abort", ring);
  }

  #failed(error: unknown): void {
    const failure = stateOf(error);
    if (failure === null) return;
    this.#parked = failure.parks;
    // Nothing is pushed for another principal: whose the token is now, the next pull says (C9).
    if (error instanceof OtherPrincipal) this.#contacted = false;
    this.#say(failure.state, failure.cause);
  }

  #say(state: StateName, cause: string | null): void {
    this.#state = state;
    this.#cause = cause;
    this.#tell();
  }

  #tell(): void {
    const { status } = this;
    if (canonical({ ...status }) === this.#told) return;
    this.#told = canonical({ ...status });
    this.#local.events.emit("status", status);
  }
}
