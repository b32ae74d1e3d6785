import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Rules } from "../model/push.ts";
import type { Store } from "../store/store.ts";
import { type Clock, systemClock } from "../util/clock.ts";
import { type Random, systemRandom } from "../util/random.ts";
import { toHex } from "../util/sha256.ts";
import { accessOf, withLinks } from "./access.ts";
import { Active } from "./active.ts";
import { LostWrites } from "./admin/lost.ts";
import { Replicas } from "./admin/replicas.ts";
import { adopt, checkAdoption } from "./adopt.ts";
import { type Config, ConfigError, settingsOf } from "./config.ts";
import type { Core } from "./core.ts";
import type { Erasing, Traces } from "./erase.ts";
import { Book } from "./grants/book.ts";
import { Grants } from "./grants/grants.ts";
import { grantRoutes } from "./grants/routes.ts";
import { type Context, handlerOf } from "./handler.ts";
import { type Identity, isReserved } from "./identity.ts";
import { linksOf, type StartLinks } from "./links.ts";
import type { LinkPlan } from "./links-config.ts";
import { listedStore } from "./listed.ts";
import { type Handshake, Live } from "./live/live.ts";
import { upgraderOf } from "./live/upgrade.ts";
import { type Log, noLog } from "./log.ts";
import { metricsOf } from "./metrics.ts";
import { Newcomers } from "./newcomer.ts";
import { descriptionOf } from "./openapi/document.ts";
import { Overdue } from "./overdue.ts";
import { clearErasedElsewhere } from "./pages/erased-elsewhere.ts";
import { Pages } from "./pages/pages.ts";
import { prepare } from "./prepare.ts";
import { logFault } from "./problem.ts";
import { NO_RATE, rateOf } from "./rate.ts";
import { type Ages, cutSpace, retain } from "./retention.ts";
import { type Route, routes } from "./routes.ts";
import { Spaces } from "./space.ts";
import { followedStore } from "./unborn.ts";
import { Vault } from "./vault.ts";
import { WaitingRooms } from "./wait.ts";

/** Milliseconds that answers under way get to end before the store is closed. */
const GRACE = 10_000;

export interface ServerOptions {
  readonly store: Store;
  readonly config?: Config | undefined;
  /** From the environment; they go before the configuration. */
  readonly secrets?:
    | {
        readonly jwtSecret?: string | undefined;
        readonly jwksUrl?: string | undefined;
        /** 32 bytes as base64, by which the keys of links are stored encrypted (S7). */
        readonly secretKey?: string | undefined;
      }
    | undefined;
  /** Who keeps the accounts; without one the server knows only the tokens of others. */
  readonly identity?: Identity | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  readonly log?: Log | undefined;
  /** What runs the links that the configuration names: `startLinks` of `tidemark/peer`. */
  readonly links?: StartLinks | undefined;
  /** Further ways in, beside those of the server itself, such as those of `createIngest` in `tidemark/ingest`. */
  readonly routes?: readonly Route[] | undefined;
  /** What else keeps values of records in this store and beside it, where `erase` has to look (K2). */
  readonly traces?: readonly Traces[] | undefined;
}

export interface Server {
  /**
   * Answers a request; never rejects. It mounts in anything that speaks web-standard requests, under any prefix.
   * `remote` is the address of the connection's other end: a server without authentication needs it, or `auth.open`.
   */
  handler(request: Request, context?: Context): Promise<Response>;
  /**
   * Takes over a request to upgrade to a live connection, under any prefix (`http.on("upgrade", server.upgrade)`).
   * False: it is not for Tidemark, and is left to whoever else takes upgrades.
   */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  /**
   * Opens a live connection over any socket that sends text frames: judges the handshake's request, and gives the answer
   * that refuses it, or what the opened socket is handed to.
   */
  accept(request: Request, space: string, context?: Context): Promise<Handshake>;
  /** Whether everyone who reaches it is admin, since no authentication is configured (A1). */
  readonly open: boolean;
  /** Resolves when the spaces that the configuration lists are there and answers are given. */
  readonly ready: Promise<void>;
  /** Cuts a space to these ages now (section 8): what the configuration says, where they are left out. */
  cutNow(space: string, ages?: Ages): Promise<number>;
  /** Wakes whoever waits, lets answers and pushes end, closes the store. May be called twice. */
  close(): Promise<void>;
}

/**
 * A server over a store.
 *
 * @throws ConfigError where the configuration is wrong.
 * @example
 * const server = createServer({ store: openSqliteStore({ path: "data" }), config });
 * const response = await server.handler(new Request("http://localhost/v1/spaces/acme"));
 */
export function createServer(options: ServerOptions): Server {
  const settings = settingsOf(withSecrets(options));
  checkAdoption(options.store, settings);
  if (settings.users !== null && options.identity === undefined)
    throw new ConfigError(["users: expected `identity: createUsers(…)` of tidemark/users beside it in createServer"]);
  const { clock = systemClock, random = systemRandom, log = noLog, identity } = options;
  const isOwn = (space: string) => identity?.spaces.has(space) === true;
  const isListed = (space: string) => settings.spaces === "open" || settings.spaces.has(space);
  const store = listedStore(options.store, (space) => isOwn(space) || (isListed(space) && !isReserved(space)));
  const stop = new AbortController();
  const vault = new Vault(options.secrets?.secretKey, random);
  const book = new Book(options.store, vault, random);
  const grants = new Grants({ book, clock, random, stopping: stop.signal, accounts: identity !== undefined });
  const access = withLinks(accessOf(settings.auth, clock, identity), grants);
  const metrics = metricsOf(options.store);
  const active = new Active();
  const { rate } = settings.limits;
  const rules = (space: string): Rules => ({
    space,
    collections: identity?.spaces.get(space)?.collections ?? settings.collections,
    authorize: access.authorize,
    limits: settings.limits,
    now: clock.now(),
    salt: () => toHex(random.bytes(16)),
  });
  const mayCreate = (space: string) => isListed(space) && !isReserved(space);
  const ruleOf = (space: string) => identity?.spaces.get(space)?.rule ?? null;
  const lost = new LostWrites(clock);
  const spaces = new Spaces({ store, clock, log, metrics, lost, rules, mayCreate, ruleOf });
  const shared = { store, settings, access, clock, random, log, metrics, active, stopping: stop.signal };
  const host = { store, log, stopping: stop.signal, authorize: access.authorize, push: spaces.push.bind(spaces) };
  const reading = {
    followed: followedStore(store, (space) => settings.spaces === "open" && mayCreate(space)),
    rate: access.open || rate === null ? NO_RATE : rateOf(rate, clock),
  };
  const pages = new Pages({ ...shared, ...reading, limit: settings.limits.pages });
  const traces: Traces[] = [lost, ...(options.traces ?? [])];
  const erasing: Erasing = { store: options.store, pages, clock, rules, traces };
  const overdue = new Overdue({ ...shared, erasing });
  const prepared = prepare({ ...shared, rules }, [...(identity?.spaces.keys() ?? [])], async () => {
    // Before anything is answered, and before anybody offers again what a restore has lost (K2).
    const count = await overdue.begin();
    if (count > 0) log.info({ orders: count }, "records were erased anew, as the store had been restored");
    await identity?.open(host);
    return adopt(options.store, settings, rules, log, metrics);
  });
  const ready = prepared.then(() => undefined);
  const intakeOf = (space: string, link: LinkPlan) => identity?.spaces.get(space)?.intake?.(link) ?? null;
  const following = { store, settings, clock, random, log, ready, mayCreate, rules, ruleOf, intakeOf, vault };
  const links = linksOf(options.links, following);
  if (links.traces !== undefined) traces.push(links.traces);
  const core: Core = {
    ...shared,
    ...reading,
    ready,
    spaces,
    links,
    grants,
    waiting: new WaitingRooms(shared),
    replicas: new Replicas(clock),
    lost,
    pages,
    erasing,
    overdue,
    newcomers: access.open ? null : new Newcomers(store, settings.limits),
  };
  const all = [...routes, ...grantRoutes(grants), ...(identity?.routes ?? []), ...(options.routes ?? [])];
  const handler = handlerOf(core, [...all, descriptionOf(all)]);
  const live = new Live(core);
  const retention = retain(core);
  const unwatch = clearErasedElsewhere({
    store,
    holds: (space) => pages.has(space),
    clear: (space) => pages.clear(space),
    failed: (error) => logFault(log, error, {}),
  });
  let closing: Promise<void> | null = null;

  async function close(): Promise<void> {
    stop.abort();
    unwatch();
    await Promise.all([ready, retention, links.close()]);
    await overdue.idle();
    await live.close();
    const idle = new AbortController();
    await Promise.race([active.idle().then(() => idle.abort()), clock.sleep(GRACE, idle.signal)]);
    await spaces.idle();
    await (await prepared)?.close();
    await options.store.close();
  }

  return {
    handler,
    upgrade: upgraderOf(live, settings.limits),
    accept: (request, space, context = {}) =>
      live.accept(request, space, context.remote ?? context.incoming?.socket.remoteAddress),
    open: access.open,
    ready,
    cutNow: (space, ages = settings.retention) => cutSpace(core, space, ages),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

/** The configuration with what the environment says, which goes before it. */
function withSecrets({ config = {}, secrets = {} }: ServerOptions): Config {
  const { jwtSecret, jwksUrl } = secrets;
  if (jwtSecret === undefined && jwksUrl === undefined) return config;
  const auth = {
    ...config.auth,
    ...(jwtSecret !== undefined && { jwtSecret }),
    ...(jwksUrl !== undefined && { jwks: jwksUrl }),
  };
  return { ...config, auth };
}
