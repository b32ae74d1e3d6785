import { Cron } from "croner";
import type { SocketConstructor } from "../client/channel.ts";
import { covers } from "../model/link.ts";
import { isReserved } from "../server/identity.ts";
import type { LinkHost, Links, StartLinks } from "../server/links.ts";
import { accountMistakes, type LinkConfig, type LinkPlan, plansOf } from "../server/links-config.ts";
import type { LinkDetails, LinkOrder, LinkRequest, LinkStatus, RemovedData } from "../wire/links.ts";
import { Problem } from "../wire/problem.ts";
import { CREDENTIALS, SYSTEM } from "./accounts.ts";
import { keepAdded } from "./added.ts";
import { identityOf } from "./identity.ts";
import { Link } from "./link.ts";
import { pathName } from "./names.ts";
import { Keyring } from "./registration/key.ts";
import { detailsOf, statusOf } from "./status.ts";
import { hasLeft, keepLink, type StoredLink, storedLinks, storedPlan } from "./stored.ts";
import { linkTraces } from "./traces.ts";

const NO_ACCOUNTS = "this server has no accounts for the users to come into: start it with --users, or `users: true`";

/** Where several servers share a store, they look for links that others added or removed so often, in milliseconds. */
const LOOK = 300_000;
/** A store that failed is tried again after so many milliseconds. */
const RETRY = 5_000;

interface Surroundings {
  readonly fetch?: typeof globalThis.fetch;
  /** By default that of the platform, unless there is a `fetch`. Null: links pull over requests alone. */
  readonly WebSocket?: SocketConstructor | null;
  /** The bearer token of a link that was added to the running server, by its name; such a token is never stored (S13). */
  readonly tokenOf?: (link: string) => string | undefined;
}

/**
 * Runs the links that a server's configuration names, and those that are added to it: `createServer({ store, config,
 * links: startLinks })`.
 */
export const startLinks: StartLinks = (host) => linksOver({})(host);

/** The same over a network of one's own. */
export function linksOver({
  fetch,
  WebSocket,
  tokenOf = () => undefined,
}: Surroundings): (host: LinkHost) => RunningLinks {
  const Socket =
    WebSocket === undefined && fetch === undefined
      ? (globalThis as { WebSocket?: SocketConstructor }).WebSocket
      : (WebSocket ?? undefined);
  const asking = fetch ?? ((input, init) => globalThis.fetch(input, init));
  return (host) => new RunningLinks(host, asking, Socket, tokenOf);
}

export class RunningLinks implements Links {
  readonly traces = linkTraces;
  readonly #host: LinkHost;
  readonly #fetch: typeof globalThis.fetch;
  readonly #WebSocket: SocketConstructor | undefined;
  readonly #tokenOf: (link: string) => string | undefined;
  readonly #keyring = new Keyring();
  readonly #links = new Map<string, Map<string, Link>>();
  readonly #stop = new AbortController();
  readonly #looking: Promise<void>;

  constructor(
    host: LinkHost,
    fetch: typeof globalThis.fetch,
    WebSocket: SocketConstructor | undefined,
    tokenOf: (link: string) => string | undefined,
  ) {
    this.#host = host;
    this.#fetch = fetch;
    this.#WebSocket = WebSocket;
    this.#tokenOf = tokenOf;
    for (const [space, plans] of host.settings.links) {
      for (const plan of plans) this.#start(space, plan, { stored: false, removing: null });
    }
    this.#looking = this.#look();
  }

  async path(space: string): Promise<readonly string[]> {
    const { store, random } = this.#host;
    await this.#known(space);
    const identity = await identityOf(store, space, random);
    if (identity === null) return [];
    // As they are kept, since another server may run the links.
    const names = [...(this.#links.get(space)?.keys() ?? [])].map(pathName);
    const answer = names.length === 0 ? null : await store.read(space, [{ kind: "notes", names }]);
    const above = [...(answer?.results[0].values() ?? [])].flatMap((text) => JSON.parse(text) as string[]);
    return [...new Set([identity, ...above])];
  }

  async list(space: string): Promise<readonly LinkStatus[]> {
    await this.#known(space);
    return await Promise.all(this.#of(space).map((link) => statusOf(this.#host, space, link)));
  }

  async show(space: string, name: string): Promise<LinkDetails | null> {
    await this.#known(space);
    const link = this.named(space, name);
    return link === null ? null : await detailsOf(this.#host, space, link);
  }

  async add(space: string, { code, ...addition }: LinkRequest): Promise<void> {
    const { store, mayCreate } = this.#host;
    const { name } = addition;
    await this.#host.ready;
    const flaw = accountMistakes(space, addition as LinkConfig)[0];
    if (flaw !== undefined) throw new Problem("invalid", `the link ${name}${flaw}`);
    if ((await store.head(space)) === null && !mayCreate(space)) throw new Problem("unknown-space", NO_SPACE);
    const token = this.#tokenOf(name);
    if (code !== undefined && token !== undefined) throw new Problem("invalid", TWO_SECRETS, { path: "code" });
    const plans = plansOf(space, name, { ...(addition as LinkConfig), ...(token !== undefined && { token }) });
    for (const [into, plan] of plans) await this.#checkFree(into, plan);
    const [, first] = plans[0] as (typeof plans)[number];
    checkSchedule(first);
    const parts = { host: this.#host, fetch: this.#fetch, signal: this.#stop.signal };
    await keepAdded({ ...parts, space, addition, plan: first, code });
    await this.#known(space);
  }

  async order(space: string, name: string, order: LinkOrder): Promise<object | null> {
    await this.#known(space);
    const link = this.named(space, name);
    if (order.do === "remove") return await this.#removeAll(space, name, link, order.data);
    if (link === null) return null;
    if (order.do === "verify") return { report: await link.verify() };
    if (order.do === "confirm") {
      if (!(await link.confirm())) throw new Problem("unavailable", "the link does not run now: see its state");
      this.#host.log.info({ space, link: name }, "what a link held was confirmed");
      return {};
    }
    await (order.do === "pause" ? link.pause() : link.resume());
    return {};
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all([
      this.#looking,
      ...[...this.#links.keys()].flatMap((space) => this.#of(space)).map((link) => link.close()),
    ]);
  }

  named(space: string, name: string): Link | null {
    return this.#links.get(space)?.get(name) ?? null;
  }

  /** Whether a link may come into a space under its name, with its scopes. */
  async #checkFree(space: string, plan: LinkPlan): Promise<void> {
    const { name } = plan;
    await this.#known(space);
    if (isReserved(space) && this.#host.intakeOf(space, plan) === null)
      throw new Problem("invalid", NO_ACCOUNTS, { path: "users" });
    if (this.named(space, name) !== null)
      throw new Problem("invalid", `there is a link ${name} already: remove it first`, { path: "name" });
    if (await hasLeft(this.#host.store, space, name)) {
      const detail = `a former link ${name} has left its state here: remove it first, or take another name`;
      throw new Problem("invalid", detail, { path: "name" });
    }
    const second = overlap(plan, this.#plans(space));
    if (second !== null) throw new Problem("invalid", second, { path: "scopes" });
  }

  /**
   * A link with the accounts that it brought: those first, so that it is there still where this is broken off and asked for
   * again, and the users before their passwords.
   */
  async #removeAll(space: string, name: string, link: Link | null, data: RemovedData): Promise<object | null> {
    const { store } = this.#host;
    const home = (await storedLinks(store, space)).get(name)?.home;
    if (home !== undefined && (await storedLinks(store, home)).has(name))
      throw new Problem("invalid", `the link ${name} of the space ${home} brings these accounts: remove that one`);
    const answers: (object | null)[] = [];
    for (const into of isReserved(space) ? [SYSTEM, CREDENTIALS] : [SYSTEM, CREDENTIALS, space]) {
      if (into === space) answers.push(await this.#remove(space, name, link, data));
      else if (link === null || link.stored) answers.push(await this.#removeLane(space, into, name, data));
    }
    return answers.findLast((answer) => answer !== null) ?? null;
  }

  /** What the same link filled besides; another of the same name is left alone. */
  async #removeLane(space: string, into: string, name: string, data: RemovedData): Promise<object | null> {
    await this.#known(into);
    const lane = this.named(into, name);
    const { home = into } = (await storedLinks(this.#host.store, into)).get(name) ?? {};
    if (lane === null ? this.named(space, name) !== null : home !== space) return null;
    return await this.#remove(into, name, lane, data);
  }

  async #remove(space: string, name: string, link: Link | null, data: RemovedData): Promise<object | null> {
    if (link !== null && !link.stored) {
      const detail = `the link ${name} stands in the configuration: take it out there, start the server again, and remove it then`;
      throw new Problem("invalid", detail, { path: "name" });
    }
    if (link === null && !(await hasLeft(this.#host.store, space, name))) return null;
    // What a link has left that no configuration names any longer.
    const nameless = { config: { name, url: "", ...(isReserved(space) && { users: "verifier" as const }) } };
    const home = isReserved(space) ? { ...nameless, home: SYSTEM } : nameless;
    const left = link ?? this.#make(space, this.#planOf(space, name, home), { stored: true, removing: null });
    const { queued, unsent, conflicts } = await statusOf(this.#host, space, left);
    await left.remove(data);
    if (link === null) this.#begin(space, left);
    return { queued, unsent, conflicts };
  }

  /** Looks for links that were added, here before this start or at other servers of the store. */
  async #look(): Promise<void> {
    const { ready, store, clock, log } = this.#host;
    const { signal } = this.#stop;
    await ready;
    while (!signal.aborted) {
      let pause = LOOK;
      try {
        for (const space of await store.spaces()) {
          if (signal.aborted) return;
          await this.#known(space);
        }
        if (store.exclusive) return;
      } catch (error) {
        log.error({ cause: String(error) }, "the links of the store cannot be read");
        pause = RETRY;
      }
      await clock.sleep(pause, signal);
    }
  }

  /** Takes notice of the links that the space keeps. */
  async #known(space: string): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const kept = await storedLinks(this.#host.store, space);
    for (const [name, each] of kept) {
      const { removing } = each;
      const link = this.named(space, name);
      if (link === null) {
        this.#start(space, this.#planOf(space, name, each), { stored: true, removing });
        if (removing === null) await this.#bringAccounts(space, name, each);
      } else if (removing !== null && link.stored) link.goes(removing);
    }
    for (const link of this.#of(space)) if (link.stored && !kept.has(link.plan.name)) await this.#forget(space, link);
  }

  /** A link that brings accounts is kept in their spaces, too: after itself, so that it is done again where that was broken off. */
  async #bringAccounts(space: string, name: string, { config, home }: StoredLink): Promise<void> {
    if (home !== undefined) return;
    const { store, random, settings } = this.#host;
    for (const [into] of plansOf(space, name, config as LinkConfig)) {
      if (into === space) continue;
      const identity = await identityOf(store, into, random);
      if (identity === null) continue;
      await keepLink(store, into, { config, home: space, collections: settings.collections, identity });
      await this.#known(into);
    }
  }

  async #forget(space: string, link: Link): Promise<void> {
    const links = this.#links.get(space);
    if (links?.get(link.plan.name) === link) links.delete(link.plan.name);
    await link.close();
  }

  #start(space: string, plan: LinkPlan, kept: Pick<Made, "stored" | "removing">): void {
    if (!this.#stop.signal.aborted) this.#begin(space, this.#make(space, plan, kept));
  }

  #make(space: string, plan: LinkPlan, { stored, removing }: Pick<Made, "stored" | "removing">): Link {
    const { name } = plan;
    const closed = isReserved(space) && this.#host.intakeOf(space, plan) === null;
    const link: Link = new Link({
      host: this.#host,
      space,
      plan,
      stored,
      removing,
      refusal: closed ? NO_ACCOUNTS : overlap(plan, this.#plans(space)),
      keyring: this.#keyring,
      fetch: this.#fetch,
      WebSocket: this.#WebSocket,
      others: () => this.#plans(space).flatMap((other) => (other.name === name ? [] : [other.name])),
      onGone: () => {
        if (this.named(space, name) === link) this.#links.get(space)?.delete(name);
      },
    });
    return link;
  }

  #begin(space: string, link: Link): void {
    const links = this.#links.get(space) ?? new Map<string, Link>();
    this.#links.set(space, links.set(link.plan.name, link));
    link.start();
  }

  #of(space: string): readonly Link[] {
    return [...(this.#links.get(space)?.values() ?? [])];
  }

  #plans(space: string): readonly LinkPlan[] {
    return this.#of(space).map(({ plan }) => plan);
  }

  #planOf(space: string, name: string, kept: Omit<StoredLink, "removing">): LinkPlan {
    const token = this.#tokenOf(name);
    return { ...storedPlan(space, name, kept), ...(token !== undefined && { token }) };
  }
}

interface Made {
  readonly stored: boolean;
  readonly removing: RemovedData | null;
}

function checkSchedule({ schedule }: LinkPlan): void {
  if (schedule === null) return;
  try {
    if (new Cron(schedule.cron, { timezone: schedule.timeZone }).nextRun() !== null) return;
  } catch {
    // It is told below.
  }
  const detail = `${schedule.cron} (${schedule.timeZone}) is no cron expression that has a next time`;
  throw new Problem("invalid", detail, { path: "schedule" });
}

/** Why a link would give a scope a second upstream; null: it would not. */
function overlap(plan: LinkPlan, before: readonly LinkPlan[]): string | null {
  for (const other of before) {
    if (other.name === plan.name) continue;
    for (const scope of plan.scopes) {
      const shared = other.scopes.find((each) => covers(each, scope) || covers(scope, each));
      if (shared === undefined) continue;
      return `the link ${other.name} brings ${shared} already, and a scope has one upstream: leave out ${scope}`;
    }
  }
  return null;
}

const NO_SPACE = "there is no such space, and the configuration lists none of this name: add it to `spaces`";
const TWO_SECRETS =
  "the environment has a token for this link (TIDEMARK_LINK_…), and a code makes it a key of its own: take one away";
