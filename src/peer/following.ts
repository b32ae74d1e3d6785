import { Bearer } from "../client/bearer.ts";
import type { SocketConstructor } from "../client/channel.ts";
import { ClientError } from "../client/errors.ts";
import { Emitter } from "../client/events.ts";
import { Local } from "../client/local.ts";
import type { Status } from "../client/status.ts";
import { checkedSubscription, subscribed, unsubscribed } from "../client/subscribe.ts";
import { Sync } from "../client/sync.ts";
import { Transport } from "../client/transport.ts";
import type { VerifyReport } from "../client/verify.ts";
import { targetOf } from "../model/mutation.ts";
import type { Collections } from "../model/schema.ts";
import type { LinkPlan } from "../server/links-config.ts";
import type { Store } from "../store/store.ts";
import type { Clock } from "../util/clock.ts";
import type { Random } from "../util/random.ts";
import { offered } from "./compare.ts";
import { Feed, JournalCut } from "./feed.ts";
import { Refused } from "./refused.ts";
import type { LinkKey } from "./registration/key.ts";
import type { SpaceStore } from "./space-store.ts";

export interface FollowingOptions {
  readonly store: Store;
  readonly space: string;
  readonly plan: LinkPlan;
  readonly key: LinkKey | null;
  readonly mirror: SpaceStore;
  readonly collections: Collections;
  readonly clock: Clock;
  readonly random: Random;
  readonly fetch: typeof globalThis.fetch;
  readonly WebSocket: SocketConstructor | undefined;
  /** Of the space here, by which upstream is told where something was written; null: nothing is told. */
  readonly identity: string | null;
  onStatus(status: Status): void;
  /** Something worth a line in the log. */
  onEvent(event: string, cause: string): void;
}

export interface LinkReport extends VerifyReport {
  /** Records that are otherwise here than upstream has them, though nothing of them is on its way (S17). */
  readonly own: readonly { readonly collection: string; readonly id: string }[];
}

/** A link while it runs: a client whose store is the space, and the journal as its queue. */
export class Following {
  readonly #options: FollowingOptions;
  readonly #local: Local;
  readonly #sync: Sync;
  readonly #feed: Feed | null;
  readonly #unwatch: () => void;
  #feeding: Promise<void> | null = null;
  #more = false;
  #failure: unknown = null;
  #stopped = false;

  private constructor(options: FollowingOptions, local: Local, sync: Sync) {
    const { store, space, plan, mirror, collections, identity } = options;
    this.#options = options;
    this.#local = local;
    this.#sync = sync;
    const { name: link, scopes } = plan;
    this.#feed =
      plan.direction === "both" ? new Feed({ store, space, link, scopes, collections, identity, mirror, local }) : null;
    this.#unwatch = this.#feed === null ? () => {} : store.watch((changed) => changed === space && this.feedSoon());
  }

  static async start(options: FollowingOptions): Promise<Following> {
    const { plan, key, mirror, clock, random, fetch, WebSocket } = options;
    const events = new Emitter();
    let following: Following | null = null;
    const opened = await Local.open({
      store: mirror,
      clock,
      random,
      events,
      space: plan.space,
      collections: {},
      onSettled: () => following?.feedSoon(),
      asksAuthors: true,
    }).catch((error: unknown) => {
      if (!(error instanceof ClientError)) throw error;
      throw new Refused(`the link ${plan.name} followed something else before: give it another name. ${error.message}`);
    });
    const { local } = opened;
    for (const { key: name } of [...local.subscriptions.values()]) {
      if (!plan.scopes.includes(name)) await unsubscribed(local, name);
    }
    for (const scope of plan.scopes) await subscribed(local, checkedSubscription({ scope }));
    await mirror.retry();
    const bearer = new Bearer(key === null ? plan.token : key.token);
    const transport = new Transport({ url: plan.url, space: plan.space, bearer, fetch, clock });
    const sync = new Sync({ local, transport, bearer, Socket: WebSocket, random, wait: 25, schema: undefined });
    following = new Following(options, local, sync);
    let contacted = false;
    events.on("status", (status) => {
      options.onStatus(status);
      if (!contacted && local.toldAuthors !== null) following?.feedSoon();
      contacted ||= local.toldAuthors !== null;
    });
    events.on("recovered", ({ reason }) => options.onEvent("recovered", reason));
    events.on("damaged", ({ message }) => options.onEvent("damaged", message));
    events.on("revoked", ({ key }) => options.onEvent("revoked", key));
    sync.start();
    following.feedSoon();
    return following;
  }

  get status(): Status {
    return this.#sync.status;
  }

  /** Whether upstream says who wrote what; null: it has not answered yet. */
  get authors(): boolean | null {
    return this.#local.toldAuthors;
  }

  /** What went wrong while the journal was queued; null: nothing. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Upstream, or a scope of it, says that this link may not read it. */
  get revoked(): readonly string[] {
    return [...this.#local.subscriptions.values()].filter(({ revoked }) => revoked).map(({ scope }) => scope);
  }

  feedSoon(): void {
    if (this.#feed === null || this.#stopped) return;
    this.#more = true;
    this.#feeding ??= this.#feedAll(this.#feed).finally(() => {
      this.#feeding = null;
    });
  }

  async #feedAll(feed: Feed): Promise<void> {
    try {
      while (this.#more && !this.#stopped) {
        this.#more = false;
        if (await this.#fed(feed)) this.#sync.pushSoon();
      }
    } catch (error) {
      this.#failure = error;
    }
  }

  async #fed(feed: Feed): Promise<boolean> {
    try {
      return await feed.feed();
    } catch (error) {
      if (!(error instanceof JournalCut)) throw error;
      const { store, space, plan, mirror } = this.#options;
      await this.#local.gate.exclusive(async () => {
        // What else was written to a record shows only when nothing of it is on its way any more. Each outcome comes back here.
        if (this.#local.pending.size > 0) return;
        this.#options.onEvent("compared", error.message);
        const pending = await offered({ store, space, scopes: plan.scopes, mirror, local: this.#local });
        await feed.queue(pending, error.horizon, 0);
        this.#more = true;
      });
      return true;
    }
  }

  /** Sends all that waits here now, and takes in what upstream has. */
  async round(): Promise<void> {
    for (;;) {
      this.feedSoon();
      await this.#feeding;
      if (this.#failure !== null) throw this.#failure;
      await this.#sync.sync();
      if (this.#feed === null || !(await this.#feed.hasMore())) return;
    }
  }

  /** Takes in what was set aside, as far as it can be now; what is held only where that is confirmed. */
  async retry(confirmed: boolean): Promise<void> {
    await this.#local.gate.exclusive(() => this.#options.mirror.retry(confirmed));
  }

  async verify(): Promise<LinkReport> {
    const report = await this.#sync.verify();
    const { store, space, plan, mirror } = this.#options;
    // Accounts are kept otherwise than they come (U5).
    if (plan.accounts !== null) return { ...report, own: [] };
    this.feedSoon();
    await this.#feeding;
    const own = await this.#local.gate.exclusive(() =>
      offered({ store, space, scopes: plan.scopes, mirror, local: this.#local }),
    );
    return { ...report, own: own.flatMap(({ mutation }) => mutation.writes.map(targetOf)) };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unwatch();
    this.#options.mirror.halt();
    await this.#feeding;
    await this.#sync.stop();
    // What was being written is still written, but for what can be taken in the next time.
    await this.#local.gate.exclusive(async () => {});
  }
}
