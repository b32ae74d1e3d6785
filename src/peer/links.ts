import type { SocketConstructor } from "../client/channel.ts";
import { covers } from "../model/link.ts";
import { authorParts, keyParts } from "../model/record.ts";
import { isReserved } from "../server/identity.ts";
import type { LinkHost, Links, StartLinks } from "../server/links.ts";
import type { LinkPlan } from "../server/links-config.ts";
import type { LinkDetails, LinkOrder, LinkStatus, WireConflict } from "../wire/links.ts";
import { Problem } from "../wire/problem.ts";
import type { Aside, Conflict } from "./conflicts.ts";
import { identityOf } from "./identity.ts";
import { Link } from "./link.ts";
import { asideName, rootOf, under } from "./names.ts";
import { Keyring } from "./registration/key.ts";

const NO_ACCOUNTS = "this server has no accounts for the users to come into: start it with --users, or `users: true`";

/** How much of a log is shown. */
const SHOWN = 1_000;

interface Surroundings {
  readonly fetch?: typeof globalThis.fetch;
  /** By default that of the platform, unless there is a `fetch`. Null: links pull over requests alone. */
  readonly WebSocket?: SocketConstructor | null;
}

/**
 * Runs the links that a server's configuration names: `createServer({ store, config, links: startLinks })`.
 */
export const startLinks: StartLinks = (host) => linksOver({})(host);

/** The same over a network of one's own. */
export function linksOver({ fetch, WebSocket }: Surroundings): (host: LinkHost) => RunningLinks {
  const Socket =
    WebSocket === undefined && fetch === undefined
      ? (globalThis as { WebSocket?: SocketConstructor }).WebSocket
      : (WebSocket ?? undefined);
  const asking = fetch ?? ((input, init) => globalThis.fetch(input, init));
  return (host) => new RunningLinks(host, asking, Socket);
}

export class RunningLinks implements Links {
  readonly #host: LinkHost;
  readonly #links = new Map<string, readonly Link[]>();

  constructor(host: LinkHost, fetch: typeof globalThis.fetch, WebSocket: SocketConstructor | undefined) {
    this.#host = host;
    const keyring = new Keyring();
    for (const [space, plans] of host.settings.links) {
      const links = plans.map((plan, i) => {
        const others = plans.filter((each) => each !== plan).map(({ name }) => name);
        const closed = isReserved(space) && host.intakeOf(space, plan) === null;
        const refusal = closed ? NO_ACCOUNTS : overlap(plan, plans.slice(0, i));
        return new Link({ host, space, plan, others, refusal, keyring, fetch, WebSocket });
      });
      this.#links.set(space, links);
      for (const link of links) link.start();
    }
  }

  async path(space: string): Promise<readonly string[]> {
    const identity = await identityOf(this.#host.store, space, this.#host.random);
    const above = (this.#links.get(space) ?? []).flatMap(({ path }) => path);
    return identity === null ? [] : [...new Set([identity, ...above])];
  }

  async list(space: string): Promise<readonly LinkStatus[]> {
    return await Promise.all((this.#links.get(space) ?? []).map((link) => this.#statusOf(space, link)));
  }

  async show(space: string, name: string): Promise<LinkDetails | null> {
    const link = this.named(space, name);
    if (link === null) return null;
    const conflicts = await this.#notes<Conflict>(space, `${rootOf(name)}conflict/`, SHOWN);
    const asides = await this.#notes<Aside>(space, asideName(name, ""), SHOWN);
    const asideLog = asides.map(({ key, code, message, time }) => {
      return { ...keyParts(key), code, message, at: new Date(time).toISOString() };
    });
    return { ...(await this.#statusOf(space, link)), conflictLog: conflicts.map(wireConflict), asideLog };
  }

  async order(space: string, name: string, order: LinkOrder): Promise<object | null> {
    const link = this.named(space, name);
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
    await Promise.all([...this.#links.values()].flat().map((link) => link.close()));
  }

  named(space: string, name: string): Link | null {
    return this.#links.get(space)?.find(({ plan }) => plan.name === name) ?? null;
  }

  async #statusOf(space: string, link: Link): Promise<LinkStatus> {
    const { plan, states, status, path, mirror } = link;
    const { name, url, scopes, direction, schedule } = plan;
    const head = await this.#host.store.head(space);
    const time = (at: number) => new Date(at).toISOString();
    const asides = await this.#notes<Aside>(space, asideName(name, ""), SHOWN);
    return {
      name,
      url,
      space: plan.space,
      scopes,
      direction,
      schedule: schedule === null ? null : `${schedule.cron} (${schedule.timeZone})`,
      state: states.now?.state ?? "waiting",
      cause: states.now?.cause ?? null,
      since: time(states.now?.at ?? this.#host.clock.now()),
      history: states.before.map(({ state, cause, at }) => ({ state, cause, at: time(at) })),
      revision: mirror.revision,
      asOf: status?.asOf == null ? null : time(status.asOf),
      queued: mirror.pending.size,
      unsent: direction === "both" ? Math.max(0, (head?.revision ?? 0) - mirror.space.place.taken) : 0,
      aside: asides.length,
      conflicts: mirror.space.conflicts,
      held: asides.filter(({ held }) => held === true).length,
      path,
    };
  }

  async #notes<T>(space: string, prefix: string, limit: number): Promise<T[]> {
    const answer = await this.#host.store.read(space, [{ kind: "notes-between", ...under(prefix), limit }]);
    return (answer?.results[0] ?? []).map(([, text]) => JSON.parse(text) as T);
  }
}

/** Why a link would give a scope a second upstream; null: it would not. */
function overlap(plan: LinkPlan, before: readonly LinkPlan[]): string | null {
  for (const other of before) {
    for (const scope of plan.scopes) {
      const shared = other.scopes.find((each) => covers(each, scope) || covers(scope, each));
      if (shared === undefined) continue;
      return `the link ${other.name} brings ${shared} already, and a scope has one upstream: leave out ${scope}`;
    }
  }
  return null;
}

function wireConflict({ time, author, ...rest }: Conflict): WireConflict {
  return { ...rest, at: new Date(time).toISOString(), author: author === null ? null : authorParts(author) };
}
