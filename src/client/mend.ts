import { Problem } from "../wire/problem.ts";
import { Diverged } from "./answer.ts";
import { Interrupted, PullFirst, TransportError } from "./errors.ts";
import { revokeAll } from "./exchange.ts";
import { clientsBeyond, copyAnew, divergedChange } from "./recover.ts";
import { ReplicaDamage } from "./replica.ts";
import type { Session } from "./session.ts";
import { type Subscription, withBaseAtMost } from "./state.ts";
import { StoreError } from "./store/store.ts";
import { Verifier, type VerifyReport } from "./verify.ts";

/** Puts right what a question to the server has brought to light (section 6). */
export class Mender {
  readonly #session: Session;
  readonly #verifier: Verifier;

  constructor(session: Session) {
    this.#session = session;
    this.#verifier = new Verifier(session.local, session.transport, session.schema);
  }

  /** Whether to ask again after an error; what failed while it was put right is the error then. */
  async judged(error: unknown): Promise<{ error: unknown; again: boolean }> {
    if (error instanceof Interrupted) return { error, again: true };
    try {
      return { error, again: await this.#mended(error) };
    } catch (failure) {
      return { error: failure, again: failure instanceof Interrupted };
    }
  }

  /** Compares subscriptions with the server and repairs them. The caller has the turn. */
  async verified(subscriptions: readonly Subscription[]): Promise<VerifyReport> {
    const { condition, local, stopped } = this.#session;
    const { state, cause } = condition.status;
    condition.say("repairing", "the replica is compared with the server");
    try {
      const report = await this.#verifier.verify(
        subscriptions.map(({ number }) => number),
        stopped,
      );
      if (report.subscriptions.some(({ differences }) => differences.length > 0)) local.events.emit("repaired", report);
      return report;
    } finally {
      if (condition.state === "repairing") condition.say(state, cause);
    }
  }

  /** Subscriptions of which the end of an answer said that they differ (P9). */
  async repair(mismatched: readonly Subscription[]): Promise<void> {
    const { events } = this.#session.local;
    for (const { key } of mismatched) events.emit("damaged", { key, message: "the content differs from the server's" });
    const { subscriptions } = await this.verified(mismatched);
    const beyond = subscriptions.filter(({ copied }) => copied).map(({ key }) => key);
    if (beyond.length === 0) return;
    throw new Error(`what the server sends of ${beyond.join(", ")} does not have the fingerprint that it says`);
  }

  /** The server found a base beyond its head, and every cursor good: what waits counts as written on what is held. */
  async lowerBases(): Promise<void> {
    const { local } = this.#session;
    await local.gate.exclusive(async () => {
      const { revision } = local.meta;
      const pending = local.unsettled().map((each) => ({ ...each, mutation: withBaseAtMost(each.mutation, revision) }));
      if (pending.length > 0) await local.commit({ pending });
    });
  }

  /** The store cannot be read: it is made anew, keeps what of the queue it still has, and is filled by copies (R1). */
  async rebuild({ message }: StoreError): Promise<void> {
    const { condition, local } = this.#session;
    condition.say("repairing", message);
    await local.gate.exclusive(() => local.rebuild());
    local.events.emit("recovered", { reason: "damaged", message });
  }

  /** Puts right what an error says about the replica; true where the question is to be asked again. */
  async #mended(error: unknown): Promise<boolean> {
    if (error instanceof PullFirst) return true;
    if (error instanceof Diverged) await this.#diverged(error);
    else if (error instanceof ReplicaDamage) await this.#copied(error);
    else if (error instanceof StoreError && error.failure === "damaged") await this.rebuild(error);
    else if (error instanceof Problem && error.code === "forbidden" && this.#session.active().length > 0) {
      await revokeAll(this.#session.local, this.#session.active());
    } else return false;
    return true;
  }

  async #copied({ subscription, message }: ReplicaDamage): Promise<void> {
    const { local } = this.#session;
    local.events.emit("damaged", { key: subscription.key, message });
    await local.gate.exclusive(async () => {
      const now = local.subscriptions.get(subscription.number);
      if (now !== undefined) await local.commit(copyAnew([now]));
    });
  }

  async #diverged(diverged: Diverged): Promise<void> {
    const { local, condition } = this.#session;
    const { common = 0, policy } = diverged;
    if (diverged.common === undefined && !this.#session.nameKnown) {
      this.#session.nameKnown = true;
      return;
    }
    condition.say("repairing", diverged.message);
    const survived = new Map<string, number>();
    for (const client of await clientsBeyond(local, common)) survived.set(client, await this.#lastOf(client));
    this.#session.nameKnown = false;
    await local.gate.exclusive(async () => {
      const { change, offered, lost } = await divergedChange(local, diverged, survived);
      await local.commit(change);
      local.events.emit("recovered", { reason: "diverged", common, policy, offered });
      if (lost.length > 0) local.events.emit("lost", { mutations: lost });
    });
  }

  /** The last mutation of a client id that the server has. */
  async #lastOf(client: string): Promise<number> {
    const { transport, stopped, schema } = this.#session;
    const request = { client, subscriptions: [], ...(schema !== undefined && { schema }) };
    for await (const { line } of transport.pull(request, stopped)) {
      if (line.op === "end") return line.lastMutation ?? 0;
    }
    throw new TransportError("cut", "the answer broke off before its end");
  }
}
