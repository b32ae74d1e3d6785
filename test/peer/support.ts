import { onTestFinished } from "vitest";
import type { Link } from "../../src/peer/link.ts";
import { linksOver, type RunningLinks } from "../../src/peer/links.ts";
import type { Config, LinkHost, LinksConfig } from "../../src/server/index.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import type { Store } from "../../src/store/store.ts";
import { type Clock, systemClock } from "../../src/util/clock.ts";
import { TestServer } from "../support/server.ts";

interface SiteOptions {
  readonly config?: Config;
  readonly store?: Store;
  readonly clock?: Clock;
}

/** Servers that reach each other by their names, as `http://a`. */
export class World {
  readonly #sites = new Map<string, Site>();
  /** Servers that cannot be reached, and ways to one that cannot, as `a/push`. */
  readonly away = new Set<string>();

  readonly fetch = async (input: unknown, init?: RequestInit): Promise<Response> => {
    const url = new URL(String(input));
    const site = this.#sites.get(url.hostname);
    const way = `${url.hostname}/${url.pathname.split("/").at(-1)}`;
    if (site === undefined || this.away.has(url.hostname) || this.away.has(way)) throw new TypeError("fetch failed");
    return await site.request(`${url.pathname}${url.search}`, init as RequestInit & { token?: string });
  };

  /** A server whose space follows others; it ends with the test. */
  site(name: string, links: LinksConfig[string] = {}, { config = {}, store, clock }: SiteOptions = {}): Site {
    const site = new Site(this.fetch as typeof globalThis.fetch, links, config, store ?? memory(), clock);
    this.#sites.set(name, site);
    onTestFinished(async () => {
      if (clock === undefined) await site.end();
    });
    return site;
  }

  /** `a`, and a chain of servers that follow each other. */
  async chain(names: string, link: Omit<LinksConfig[string][string], "url"> = {}, options: SiteOptions = {}) {
    const sites: Site[] = [];
    for (const [i, name] of [...names].entries()) {
      const above = names[i - 1];
      sites.push(this.site(name, above === undefined ? {} : { up: { url: `http://${above}`, ...link } }, options));
      await sites.at(-1)?.write("start", []);
    }
    return sites;
  }

  /** All links exchange what they have, from the top to the bottom and back, until nothing moves. */
  async settle(...sites: Site[]): Promise<void> {
    for (let before = ""; ; ) {
      for (const site of [...sites, ...sites.toReversed()]) await site.round();
      const heads = await Promise.all(sites.map(async (site) => (await site.head()).revision));
      if (heads.join() === before) return;
      before = heads.join();
    }
  }
}

const memory = () => openSqliteStore({ path: ":memory:" });

export class Site extends TestServer {
  readonly links: RunningLinks;

  constructor(
    fetch: typeof globalThis.fetch,
    links: LinksConfig[string],
    config: Config,
    store: Store,
    clock: Clock = systemClock,
  ) {
    let running: RunningLinks | null = null;
    super(
      { ...config, links: { acme: links } },
      {
        store,
        clock,
        links: (host: LinkHost) => {
          running = linksOver({ fetch })(host);
          return running;
        },
      },
    );
    this.links = running as unknown as RunningLinks;
  }

  get link(): Link {
    const link = this.links.named("acme", "up");
    if (link === null) throw new Error("there is no link");
    return link;
  }

  async round(): Promise<void> {
    const link = this.links.named("acme", "up");
    if (link === null) return;
    await this.until(() => link.follows || link.states.now?.state === "refused");
    await link.round();
  }

  async until(holds: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
  }

  /** All records, by collection and id. */
  async records(): Promise<{ [key: string]: unknown }> {
    const answer = await this.store.read("acme", [{ kind: "page", scope: "*", after: null, limit: 1e6, bytes: 1e9 }]);
    const found: { [key: string]: unknown } = {};
    for (const { collection, records } of answer?.results[0].runs ?? []) {
      for (const { id, ...atoms } of JSON.parse(`[${records}]`) as { id: string }[])
        found[`${collection}/${id}`] = atoms;
    }
    return found;
  }

  async digest(): Promise<string | undefined> {
    return JSON.stringify((await this.head("?scope=*")).scopes?.["*"]);
  }

  async state() {
    const [status] = await this.links.list("acme");
    return status;
  }

  async end(): Promise<void> {
    await this.server.close();
  }
}
