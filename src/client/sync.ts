import { ClientError } from "./errors.ts";
import { Mender } from "./mend.ts";
import { onOnline } from "./online.ts";
import { PullLoop } from "./pull-loop.ts";
import { PushLoop } from "./push-loop.ts";
import { copyAnew } from "./recover.ts";
import { Session, type SyncOptions } from "./session.ts";
import type { Status } from "./status.ts";
import { StoreError } from "./store/store.ts";
import type { VerifyReport } from "./verify.ts";

/** How often a verification that ran into a recovery is begun again. */
const ATTEMPTS = 4;

/**
 * Keeps a replica in step with its server: one loop pulls, waiting for news; one pushes what is queued. They meet in
 * `local`. Nothing is pushed before the first pull, which tells what the server has of this client (R3).
 */
export class Sync {
  readonly #session: Session;
  readonly #mender: Mender;
  readonly #pulls: PullLoop;
  readonly #pushes: PushLoop;
  #loops: Promise<unknown> = Promise.resolve();
  #off = () => {};

  constructor(options: SyncOptions) {
    this.#session = new Session(options);
    this.#mender = new Mender(this.#session);
    this.#pulls = new PullLoop(this.#session, this.#mender, {
      onContact: () => this.#pushes.retry(),
      onFailure: (error) => this.#pushes.failed(error),
    });
    this.#pushes = new PushLoop(this.#session, {
      pullSoon: () => this.#pulls.soon(),
      onFailure: (error) => this.storeFailed(error),
    });
    this.#session.live.onChange = () => this.#pulls.switchOver();
    this.#session.live.onVerify = () => this.verify();
  }

  get status(): Status {
    return this.#session.condition.status;
  }

  /** Whether what is held may be shown: not where the store turned out to be somebody else's (C9). */
  get mayShow(): boolean {
    return this.status.state !== "other-principal";
  }

  start(): void {
    this.#loops = Promise.all([this.#pulls.run(), this.#pushes.run()]);
    this.#off = onOnline(() => this.#hurry());
  }

  async stop(): Promise<void> {
    this.#off();
    this.#session.stop();
    this.#pulls.soon();
    this.#pushes.soon();
    await this.#loops;
    this.#session.live.drop();
    const closed = new ClientError("closed", "the client has been closed");
    this.#pulls.end(closed);
    this.#pushes.failed(closed);
    this.#session.condition.say("stopped");
  }

  /** There is something new to pull for. */
  pullSoon(): void {
    this.#pulls.soon();
  }

  /** There is something new to push. It interrupts nothing. */
  pushSoon(): void {
    this.#pushes.soon();
    this.#pulls.look();
    this.#session.condition.tell();
  }

  /** Resolves when all that waits now has its outcome, and the replica is complete to a revision after the call. */
  async sync(): Promise<void> {
    this.#checkRunning();
    if (!this.#session.contacted) await this.#pulls.fresh();
    await this.#pushes.flushed();
    await this.#pulls.fresh();
  }

  async verify(): Promise<VerifyReport> {
    for (let attempt = 1; ; attempt++) {
      this.#checkRunning();
      try {
        return await this.#alone(() => this.#mender.verified(this.#session.active()));
      } catch (thrown) {
        // A replica that has to be copied first is compared afterwards.
        const { error, again } = await this.#mender.judged(thrown);
        if (!again || attempt === ATTEMPTS) throw error;
        await this.#pulls.fresh();
      }
    }
  }

  /** Copies everything anew (R1). */
  async recover(): Promise<void> {
    this.#checkRunning();
    const { local } = this.#session;
    await this.#alone(() => local.gate.exclusive(() => local.commit(copyAnew(this.#session.active()))));
    local.events.emit("recovered", { reason: "asked" });
    await this.#pulls.fresh();
  }

  /** Somebody other than a pull ran into a failure of the store: a damaged one is made anew. */
  async storeFailed(error: unknown): Promise<void> {
    if (!(error instanceof StoreError) || error.failure !== "damaged") return;
    try {
      await this.#alone(() => this.#mender.rebuild(error));
      this.#pulls.soon();
    } catch (failure) {
      this.#session.condition.say("failed", `the local store: ${String(failure)}`);
    }
  }

  /** The machine has come back to a network, or has been asleep. */
  #hurry(): void {
    this.#session.live.thaw();
    this.#pulls.soon();
    this.#pushes.retry();
  }

  /** Does something while no question to the server is under way. */
  async #alone<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#session.turn.exclusive(task);
    this.#pulls.interrupt();
    return await turn;
  }

  #checkRunning(): void {
    if (this.#session.stopped.aborted) throw new ClientError("closed", "the client has been closed");
  }
}
