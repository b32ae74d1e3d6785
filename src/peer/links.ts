import { Cron } from "croner";
import type { SocketConstructor } from "../client/channel.ts";
import { covers } from "../model/link.ts";
import { isReserved } from "../server/identity.ts";
import type { LinkHost, Links, StartLinks } from "../server/links.ts";
import { type LinkConfig, type LinkPlan, linkPlan } from "../server/links-config.ts";
import type { LinkAddition, LinkDetails, LinkOrder, LinkStatus, RemovedData } from "../wire/links.ts";
import { Problem } from "../wire/problem.ts";
import { handshake } from "./handshake.ts";
import { identityOf } from "./identity.ts";
import { Link } from "./link.ts";
import { pathName } from "./names.ts";
import { Refused } from "./refused.ts";
import { Keyring } from "./registration/key.ts";
import { detailsOf, statusOf } from "./status.ts";
import { hasLeft, keepLink, storedLinks } from "./stored.ts";
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

  async add(space: string, addition: LinkAddition): Promise<void> {
    const { store, settings, mayCreate } = this.#host;
    await this.#host.ready;
    if (isReserved(space)) throw new Problem("invalid", OF_ACCOUNTS);
    if ((await store.head(space)) === null && !mayCreate(space)) throw new Problem("unknown-space", NO_SPACE);
    await this.#known(space);
    const { name } = addition;
    const plan = this.#planOf(space, addition);
    const taken = new Problem("invalid", `there is a link ${name} already: remove it first`, { path: "name" });
    if (this.named(space, name) !== null) throw taken;
    if (await hasLeft(store, space, name)) {
      const detail = `a former link ${name} has left its state here: remove it first, or take another name`;
      throw new Problem("invalid", detail, { path: "name" });
    }
    checkSchedule(plan);
    const second = overlap(plan, this.#plans(space));
    if (second !== null) throw new Problem("invalid", second, { path: "scopes" });
    await this.#checkForest(space, plan);
    if (!(await keepLink(store, space, addition, settings.collections))) throw taken;
    this.#start(space, plan, { stored: true, removing: null });
  }

  async order(space: string, name: string, order: LinkOrder): Promise<object | null> {
    await this.#known(space);
    const link = this.named(space, name);
    if (order.do === "remove") return await this.#remove(space, name, link, order.data);
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

  async #remove(space: string, name: string, link: Link | null, data: RemovedData): Promise<object | null> {
    if (link !== null && !link.stored) {
      const detail = `the link ${name} stands in the configuration: take it out there, start the server again, and remove it then`;
      throw new Problem("invalid", detail, { path: "name" });
    }
    if (link === null && !(await hasLeft(this.#host.store, space, name))) return null;
    // What a link has left that no configuration names any longer.
    const left = link ?? this.#make(space, this.#planOf(space, { name, url: "" }), { stored: true, removing: null });
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
    for (const [name, { config, removing }] of kept) {
      const link = this.named(space, name);
      if (link === null) this.#start(space, this.#planOf(space, config), { stored: true, removing });
      else if (removing !== null && link.stored) link.goes(removing);
    }
    for (const link of this.#of(space)) if (link.stored && !kept.has(link.plan.name)) await this.#forget(space, link);
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

  #planOf(space: string, { name, ...config }: LinkAddition): LinkPlan {
    const token = this.#tokenOf(name);
    return linkPlan(space, name, { ...(config as LinkConfig), ...(token !== undefined && { token }) });
  }

  /** Upstream need not be there yet; but what it says of its path counts at once (S3). */
  async #checkForest(space: string, plan: LinkPlan): Promise<void> {
    const { store, clock, random } = this.#host;
    const identity = await identityOf(store, space, random);
    if (identity === null) return;
    const parts = { plan, key: null, fetch: this.#fetch, clock, signal: this.#stop.signal, identity };
    await handshake(parts).catch((error: unknown) => {
      if (error instanceof Refused) throw new Problem("invalid", error.message, { path: "url" });
    });
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
const OF_ACCOUNTS =
  "a link that brings accounts stands in the configuration, with `users`: it is not added to a running server";
