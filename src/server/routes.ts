import { Problem } from "../wire/problem.ts";
import { listLost } from "./admin/lost.ts";
import { listRecords } from "./admin/records.ts";
import { listReplicas } from "./admin/replicas.ts";
import { listScopes } from "./admin/scopes.ts";
import { listSpaces } from "./admin/spaces.ts";
import { showStore } from "./admin/store.ts";
import type { Call, Core } from "./core.ts";
import { head } from "./head.ts";
import { history } from "./history.ts";
import { journal } from "./journal.ts";
import { addLink, listLinks, orderLink, showLink } from "./links.ts";
import { page } from "./pages/page.ts";
import { pull } from "./pull.ts";
import { push } from "./push.ts";
import { cut } from "./retention.ts";
import { verify } from "./verify.ts";

/** One way in. All there are stand in `routes`, so that none can forget to ask (A3). */
export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  /**
   * What `authorize` is asked before the route begins: to use the space, to administer it, or the server where the path
   * names no space. "scopes": the route itself asks for each scope, and answers nothing else. "ticket": likewise, for whom
   * the ticket in the address names, since no token comes with it. "credentials": it is asked of nobody who calls, since
   * what the body shows is judged (a password, a refresh token). "each": the route asks whether the caller administers each
   * space, and answers nothing else. "nothing": anybody may.
   */
  readonly asks: "head" | "admin" | "scopes" | "ticket" | "credentials" | "each" | "nothing";
  /** Which scopes the route asks for besides. */
  readonly scopes?: "read" | "write";
  /** Whether this machine need not ask. */
  readonly freeOnLoopback?: boolean;
  handle(core: Core, call: Call): Promise<Response>;
}

const SPACE = "/v1/spaces/:space";

export const routes: readonly Route[] = [
  { method: "GET", path: "/healthz", asks: "nothing", handle: async () => new Response("ok\n") },
  { method: "GET", path: "/readyz", asks: "nothing", handle: ready },
  { method: "GET", path: "/metrics", asks: "admin", freeOnLoopback: true, handle: metrics },
  { method: "GET", path: "/v1/spaces", asks: "each", handle: listSpaces },
  { method: "GET", path: SPACE, asks: "head", scopes: "read", handle: head },
  { method: "POST", path: `${SPACE}/pull`, asks: "scopes", scopes: "read", handle: pull },
  { method: "GET", path: `${SPACE}/pages/:page`, asks: "ticket", scopes: "read", handle: page },
  { method: "POST", path: `${SPACE}/push`, asks: "head", scopes: "write", handle: push },
  { method: "POST", path: `${SPACE}/verify`, asks: "scopes", scopes: "read", handle: verify },
  { method: "GET", path: `${SPACE}/live`, asks: "head", handle: noWebSocket },
  { method: "GET", path: `${SPACE}/journal`, asks: "admin", handle: journal },
  { method: "GET", path: `${SPACE}/history/:collection/:id`, asks: "admin", handle: history },
  { method: "GET", path: `${SPACE}/links`, asks: "admin", handle: listLinks },
  { method: "POST", path: `${SPACE}/links`, asks: "admin", handle: addLink },
  { method: "GET", path: `${SPACE}/links/:name`, asks: "admin", handle: showLink },
  { method: "POST", path: `${SPACE}/links/:name`, asks: "admin", handle: orderLink },
  { method: "GET", path: `${SPACE}/scopes`, asks: "admin", handle: listScopes },
  { method: "GET", path: `${SPACE}/records`, asks: "admin", handle: listRecords },
  { method: "GET", path: `${SPACE}/store`, asks: "admin", handle: showStore },
  { method: "GET", path: `${SPACE}/replicas`, asks: "admin", handle: listReplicas },
  { method: "GET", path: `${SPACE}/lost`, asks: "admin", handle: listLost },
  { method: "POST", path: `${SPACE}/cut`, asks: "admin", handle: cut },
];

/** Ready once the store answers (H8). */
async function ready({ store, stopping }: Core): Promise<Response> {
  if (stopping.aborted) throw new Problem("unavailable", "the server is ending");
  await store.spaces();
  return new Response("ready\n");
}

/** An upgrade does not come here; what its messages ask stands in `live/messages.ts`. */
async function noWebSocket(): Promise<Response> {
  throw new Problem("invalid", "this address is for WebSockets: connect with ws:// or wss://", { path: "upgrade" });
}

async function metrics(core: Core): Promise<Response> {
  const text = await core.metrics.text();
  return new Response(text, { headers: { "content-type": core.metrics.type } });
}
