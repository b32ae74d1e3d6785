import { Cron } from "croner";
import type { SocketConstructor } from "../client/channel.ts";
import type { Status } from "../client/status.ts";
import { rung } from "../client/wake.ts";
import type { LinkHost } from "../server/links.ts";
import type { LinkPlan } from "../server/links-config.ts";
import { backoff } from "../util/backoff.ts";
import { randomName } from "../util/random.ts";
import type { RemovedData } from "../wire/links.ts";
import { Problem } from "../wire/problem.ts";
import { awaitsUsers } from "./accounts.ts";
import { Following, type LinkReport } from "./following.ts";
import { handshake } from "./handshake.ts";
import { identityOf } from "./identity.ts";
import { pathName, stateName } from "./names.ts";
import { Refused } from "./refused.ts";
import type { Keyring, LinkKey } from "./registration/key.ts";
import { removeLink } from "./removal.ts";
import { LeaseLost } from "./space.ts";
import { SpaceStore } from "./space-store.ts";
import { type Moment, States } from "./state.ts";
import { adoptedIn, markRemoval } from "./stored.ts";

/** A failed attempt is repeated after at least, and at most, so many milliseconds. */
const RETRY = { first: 1_000, most: 60_000 };
/** How often the lease is renewed and, where it is another server's, asked for, in milliseconds. */
const LEASE = 20_000;
/** How often it is looked whether the users of a removed link are gone, in milliseconds. */
const LOOK = 100;
/** Upstream is asked for its path so often, in leases. */
const HANDSHAKE = 3;

export interface LinkOptions {
  readonly host: LinkHost;
  readonly space: string;
  readonly plan: LinkPlan;
  /** It was added to the running server, and can be removed; otherwise it stands in the configuration (S13). */
  readonly stored: boolean;
  /** It is being removed, and what becomes of its records; null: it is not. */
  readonly removing: RemovedData | null;
  /** Why it may not run at all; null: it may. */
  readonly refusal: string | null;
  readonly keyring: Keyring;
  readonly fetch: typeof globalThis.fetch;
  readonly WebSocket: SocketConstructor | undefined;
  /** Other links into the space. */
  others(): readonly string[];
  /** It has been removed, here or by another server. */
  onGone(): void;
}

/** One link, from when its server starts until it ends: it runs, waits for its time, or says why it cannot. */
export class Link {
  readonly #options: LinkOptions;
  readonly plan: LinkPlan;
  readonly mirror: SpaceStore;
  #states = new States([], () => {});
  #stop = new AbortController();
  /** Aborted when there is something to do at once. */
  #bell = new AbortController();
  #following: Following | null = null;
  #paused = false;
  #gone = false;
  readonly #holder: string;
  #ran: Promise<void> = Promise.resolve();
  #last: Status | null = null;
  #authors: boolean | null = null;
  #key: LinkKey | null = null;
  /** Upstream's path, as it last said. */
  path: readonly string[] = [];

  constructor(options: LinkOptions) {
    const { host, space, plan, stored, others } = options;
    this.#options = options;
    this.plan = plan;
    this.#holder = randomName(host.random);
    this.mirror = new SpaceStore({
      store: host.store,
      clock: host.clock,
      space,
      link: plan.name,
      // A server without links of its own tells no path.
      upstream: () => this.path[0] ?? plan.url,
      sends: plan.direction === "both",
      others,
      stored,
      adopted: adoptedIn(host, space),
      holder: this.#holder,
      rule: host.ruleOf(space),
      intake: host.intakeOf(space, plan),
      rules: () => host.rules(space),
    });
    this.mirror.space.removing = options.removing;
  }

  get states(): States {
    return this.#states;
  }

  get status(): Status | null {
    return this.#following?.status ?? this.#last;
  }

  /** Whether upstream says who wrote what; null: it has not been asked yet (S24). */
  get authors(): boolean | null {
    return this.#following?.authors ?? this.#authors;
  }

  /** Whether it exchanges with upstream now. */
  get follows(): boolean {
    return this.#following !== null;
  }

  start(): void {
    this.#ran = this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#bell.abort();
    await this.#ran;
  }

  async pause(): Promise<void> {
    this.#paused = true;
    // Also where the server ends before the link has got so far.
    this.#say("paused", null);
    this.#ring();
  }

  async resume(): Promise<void> {
    this.#paused = false;
    this.#ring();
  }

  /** Ends the link for good; what it keeps goes after this has resolved, a slice at a time (S13). */
  async remove(data: RemovedData): Promise<void> {
    const { host, space, plan } = this.#options;
    const until = host.clock.now() + LEASE;
    await markRemoval(host.store, space, plan.name, data, { holder: this.#holder, until });
    this.goes(data);
  }

  /** It is being removed, as somebody asked for here or at another server. */
  goes(data: RemovedData): void {
    if (this.mirror.space.removing !== null) return;
    this.mirror.space.removing = data;
    this.#paused = false;
    this.#say("waiting", REMOVING);
    this.#ring();
  }

  get stored(): boolean {
    return this.#options.stored;
  }

  /**
   * Compares the mirror with upstream, and repairs what differs (V); compares the space with the mirror, and tells what differs.
   * Null where the link does not run.
   */
  async verify(): Promise<LinkReport | null> {
    return (await this.#following?.verify()) ?? null;
  }

  /** Takes in what was held for this (U5); false where the link does not run. */
  async confirm(): Promise<boolean> {
    await this.#following?.retry(true);
    return this.#following !== null;
  }

  /** One exchange with upstream, whatever the schedule; for tests and for who does not want to wait. */
  async round(): Promise<void> {
    await this.#following?.round();
  }

  #ring(): void {
    const bell = this.#bell;
    this.#bell = new AbortController();
    bell.abort();
  }

  async #run(): Promise<void> {
    const { host, refusal } = this.#options;
    await host.ready;
    await this.#remember();
    let failures = 0;
    while (!this.#stop.signal.aborted && !this.#gone) {
      const bell = this.#bell.signal;
      try {
        if (this.mirror.space.removing !== null) await this.#removed(bell);
        else if (this.#paused) this.#say("paused", null);
        else if (refusal !== null) throw new Refused(refusal);
        else {
          await this.#turn(bell);
          failures = 0;
        }
        if (this.#paused && !this.#gone) await rung(bell);
      } catch (error) {
        await this.#failed(error, failures++, bell);
      }
    }
    if (this.#gone) this.#options.onGone();
    else await this.mirror.space.release().catch(() => {});
  }

  /** Whether it is this server's to run, for a while. */
  async #mine(): Promise<boolean> {
    const lease = await this.mirror.space.lease();
    if (lease === "gone") this.#gone = true;
    return lease === "mine";
  }

  async #removed(bell: AbortSignal): Promise<void> {
    const { host, space, plan } = this.#options;
    this.#say("waiting", REMOVING);
    const renew = async () => {
      if (!(await this.#mine())) throw new LeaseLost();
    };
    if (!(await this.#mine())) return this.#gone ? undefined : await this.#sleep(LEASE, bell);
    const { store } = host;
    if (await awaitsUsers(store, space, plan.name)) return await this.#sleep(LOOK, bell);
    const removal = { store, space, link: plan.name, mirror: this.mirror, signal: this.#stop.signal, renew };
    this.#gone = await removeLink(removal, this.mirror.space.removing ?? "keep");
  }

  async #failed(error: unknown, failures: number, bell: AbortSignal): Promise<void> {
    const { host, space, plan } = this.#options;
    if (this.#stop.signal.aborted) return;
    const cause = error instanceof Error ? error.message : String(error);
    if (error instanceof LeaseLost) return this.#say("waiting", cause);
    const refused = error instanceof Refused;
    this.#say(refused ? "refused" : "crashing", cause);
    if (!refused && !(error instanceof Problem)) host.log.error({ space, link: plan.name, cause }, "a link failed");
    if (refused) await rung(bell);
    else await this.#sleep(backoff(failures, RETRY, host.random), bell);
  }

  /** As long as the link is this server's, and nothing is wrong. */
  async #turn(bell: AbortSignal): Promise<void> {
    const { schedule } = this.plan;
    if (!(await this.#mine())) {
      if (this.#gone) return;
      this.#say("waiting", "another server runs this link");
      return await this.#sleep(LEASE, bell);
    }
    if (this.mirror.space.removing !== null) return;
    if (schedule !== null && !(await this.#due(schedule, bell))) return;
    const { host, keyring, fetch } = this.#options;
    this.#key = await keyring.of({ host, plan: this.plan, fetch });
    await this.#handshake();
    const following = await this.#follow();
    try {
      if (schedule === null) await this.#stay(following, bell);
      else await following.round();
    } finally {
      this.#last = following.status;
      this.#authors = following.authors;
      this.#following = null;
      await following.stop();
    }
  }

  /** Waits for the next time; false where something came between. */
  async #due({ cron, timeZone }: NonNullable<LinkPlan["schedule"]>, bell: AbortSignal): Promise<boolean> {
    const { clock } = this.#options.host;
    const next = new Cron(cron, { timezone: timeZone }).nextRun(new Date(clock.now()));
    if (next === null) throw new Refused(`the schedule ${cron} (${timeZone}) has no next time`);
    this.#say("waiting", `for ${next.toISOString()}`);
    for (;;) {
      const rest = next.getTime() - clock.now();
      if (rest <= 0) return true;
      await this.#sleep(Math.min(rest, LEASE), bell);
      if (bell.aborted || this.#stop.signal.aborted || !(await this.#mine())) return false;
    }
  }

  async #handshake(): Promise<void> {
    const { host, space, fetch } = this.#options;
    const { plan } = this;
    const identity = await identityOf(host.store, space, host.random);
    if (identity === null) throw new Error(`there is no space ${space}`);
    const signal = this.#stop.signal;
    const asked = { plan, key: this.#key, fetch, clock: host.clock, signal, identity };
    const path = await handshake(asked).catch(async (error: unknown) => {
      // Who is refused follows nobody: so that of a ring that was closed by several at once some link can stay.
      if (error instanceof Refused) await this.#keepPath([]);
      throw error;
    });
    await this.#keepPath(path);
  }

  async #keepPath(path: readonly string[]): Promise<void> {
    const { host, space, plan } = this.#options;
    if (JSON.stringify(path) === JSON.stringify(this.path)) return;
    this.path = path;
    await host.store.setNote(space, pathName(plan.name), JSON.stringify(path));
  }

  async #follow(): Promise<Following> {
    const { host, space, plan, fetch, WebSocket } = this.#options;
    const { store, clock, random } = host;
    const { collections } = host.rules(space);
    this.#following = await Following.start({
      store,
      space,
      plan,
      key: this.#key,
      mirror: this.mirror,
      collections,
      clock,
      random,
      fetch,
      WebSocket,
      identity: await identityOf(store, space, random),
      onStatus: (status) => this.#tell(status),
      onEvent: (event, cause) => {
        host.log.info({ space, link: plan.name, event, cause }, "a link was told");
        if (event === "revoked") this.#say("crashing", notGranted([cause]));
      },
    });
    return this.#following;
  }

  /** Follows all the time, and looks now and then whether that is still right. */
  async #stay(following: Following, bell: AbortSignal): Promise<void> {
    const { host, space } = this.#options;
    for (let turn = 1; ; turn++) {
      await this.#sleep(LEASE, bell);
      if (bell.aborted || this.#stop.signal.aborted) return;
      if (following.failure !== null) throw following.failure;
      if (!(await this.#mine())) throw new LeaseLost();
      if (this.mirror.space.removing !== null) return;
      // What was refused for the sake of the accounts here may be possible by now.
      if (host.ruleOf(space) !== null) await following.retry(false);
      if (turn % HANDSHAKE === 0) await this.#handshake().catch(onlyRefusals);
    }
  }

  /** What the client says of itself, in the words of a link. */
  #tell({ state, cause }: Status): void {
    if (state === "stopped") return;
    const revoked = this.#following?.revoked ?? [];
    if (state === "offline" || state === "failed" || state === "unauthorised") this.#say("crashing", cause);
    else if (state === "other-principal" || state === "upgrade-required") this.#say("crashing", cause);
    else if (revoked.length > 0) this.#say("crashing", notGranted(revoked));
    else if (state !== "connecting") this.#say("running", null);
  }

  #say(state: Moment["state"], cause: string | null): void {
    this.#states.say(state, cause, this.#options.host.clock.now());
  }

  async #remember(): Promise<void> {
    const { host, space, plan } = this.#options;
    const { store } = host;
    const [states, path] = await Promise.all([
      store.note(space, stateName(plan.name)).catch(() => null),
      store.note(space, pathName(plan.name)).catch(() => null),
    ]);
    this.path = JSON.parse(path ?? "[]") as string[];
    const moments = JSON.parse(states ?? "[]") as Moment[];
    this.#paused ||= moments[0]?.state === "paused";
    this.#states = new States(moments, (all) => {
      if (this.mirror.space.removing !== null) return;
      store.setNote(space, stateName(plan.name), JSON.stringify(all)).catch(() => {
        // The next change is written again.
      });
    });
  }

  async #sleep(ms: number, bell: AbortSignal): Promise<void> {
    if (bell.aborted) return;
    await this.#options.host.clock.sleep(ms, bell);
  }
}

const REMOVING = "it is being removed";

function notGranted(scopes: readonly string[]): string {
  return `upstream does not grant this link ${scopes.join(", ")}`;
}

/** Upstream may be away for a while; what it says of its path counts. */
function onlyRefusals(error: unknown): void {
  if (error instanceof Refused) throw error;
}
