import { Hono } from "hono";
import { spaceFlaw } from "../model/names.ts";
import type { User } from "../model/schema.ts";
import { Problem } from "../wire/problem.ts";
import { demand } from "./access.ts";
import type { Call, Core } from "./core.ts";
import { checkOpen, corsHeaders, type Origin, type OriginSettings, originOf, preflight } from "./origin.ts";
import { logFault, problemOf, problemResponse } from "./problem.ts";
import type { Route } from "./routes.ts";

/** What the surroundings know of a request. */
export interface Context {
  /** The address of the connection's other end. */
  readonly remote?: string | undefined;
  /** Node's own request, as @hono/node-server passes it on; its socket's address is taken where `remote` is absent. */
  readonly incoming?: { readonly socket: { readonly remoteAddress?: string | undefined } } | undefined;
}

type Env = { Bindings: { context: Context } };

/** Answers every request by one of the routes; never rejects. */
export function handlerOf(
  core: Core,
  routes: readonly Route[],
): (request: Request, context?: Context) => Promise<Response> {
  const settings: OriginSettings = {
    origins: core.settings.origins,
    trustProxy: core.settings.auth.trustProxy ?? false,
    open: core.access.open,
  };
  const app = new Hono<Env>({ getPath: (request) => ownPath(new URL(request.url).pathname) });
  for (const route of routes) {
    app.on(route.method, route.path, (c) =>
      answer(core, settings, route, c.req.raw, c.env.context, (name) => c.req.param(name) ?? ""),
    );
  }
  app.options("*", (c) => preflight(c.req.raw, settings));
  app.notFound((c) => {
    const known = routes.some(({ path, method }) => method !== c.req.method && matches(path, c.req.path));
    return problemResponse(
      new Problem("not-found", known ? "this address takes another method" : "there is nothing at this address"),
    );
  });
  app.onError((error) => {
    logFault(core.log, error, {});
    return problemResponse(problemOf(error));
  });
  return async (request, context = {}) => {
    const response = await app.fetch(request, { context });
    if (response.headers.has("access-control-allow-origin")) return response;
    for (const [name, value] of corsHeaders(request, settings)) response.headers.append(name, value);
    return response;
  };
}

/** The path from where Tidemark's own begins, whatever prefix it is mounted under. */
export function ownPath(path: string): string {
  const space = path.lastIndexOf("/v1/spaces/");
  const others = ["/v1/auth/", "/v1/links/", "/scim/v2/"].map((begin) => path.lastIndexOf(begin));
  const own = space >= 0 ? space : Math.max(...others);
  if (own >= 0) return path.slice(own);
  return /\/(?:healthz|readyz|metrics|openapi\.json|v1\/links|v1\/spaces)$/.exec(path)?.[0] ?? path;
}

function matches(pattern: string, path: string): boolean {
  const parts = pattern.split("/");
  const found = path.split("/");
  return parts.length === found.length && parts.every((part, i) => part.startsWith(":") || part === found[i]);
}

async function answer(
  core: Core,
  settings: OriginSettings,
  route: Route,
  request: Request,
  context: Context,
  param: (name: string) => string,
): Promise<Response> {
  const { clock, metrics, log } = core;
  const began = clock.now();
  const ended = core.active.begin();
  const name = `${route.method} ${route.path}`;
  const space = param("space");
  const response = await routed(core, settings, route, request, context, param).catch((error: unknown) => {
    logFault(log, error, { route: name, space });
    return problemResponse(problemOf(error));
  });
  const ms = clock.now() - began;
  metrics.request(name, response.status, ms / 1_000);
  ended();
  log.info({ route: name, space, status: response.status, ms }, "request");
  return response;
}

async function routed(
  core: Core,
  settings: OriginSettings,
  route: Route,
  request: Request,
  context: Context,
  param: (name: string) => string,
): Promise<Response> {
  const origin = originOf(request, context.remote ?? context.incoming?.socket.remoteAddress, settings);
  const url = new URL(request.url);
  const call = { request, url, space: param("space"), param, address: origin.address };
  if (route.asks === "nothing") return route.handle(core, { ...call, user: { id: "" } });
  if (core.stopping.aborted) throw new Problem("unavailable", "the server is ending: try again", { retryAfter: 1 });
  checkOpen(request, settings);
  const machine = route.freeOnLoopback === true && origin.loopback === true;
  const free = machine || route.asks === "credentials";
  if (core.access.closedUntilReady) await core.ready;
  const user = free ? { id: "" } : await identified(core, route, call, origin);
  await core.ready;
  core.overdue.check(call.space);
  return route.handle(core, { ...call, user });
}

/** The principal, once it may come in; nothing of what it asks for has been looked at yet. */
async function identified(
  core: Core,
  route: Route,
  { request, space }: Omit<Call, "user">,
  origin: Origin,
): Promise<User> {
  const { access, rate } = core;
  const named = route.asks === "ticket" && !access.open;
  const user = named ? { id: "" } : await access.identify(request, origin);
  if (!named) rate.admit(user.id);
  const server = !route.path.includes(":space");
  const flaw = server ? null : spaceFlaw(space);
  if (flaw !== null) throw new Problem("invalid", flaw, { path: "space" });
  if (route.asks === "head" || route.asks === "admin")
    demand(access, user, { do: route.asks, space: server ? "*" : space });
  return user;
}
