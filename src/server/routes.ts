import { z } from "zod";
import { Problem } from "../wire/problem.ts";
import { adminRoutes } from "./admin/routes.ts";
import type { Call, Core } from "./core.ts";
import { erase, eraseBody } from "./erase.ts";
import { head } from "./head.ts";
import { history } from "./history.ts";
import { journal } from "./journal.ts";
import { addLink, listLinks, orderBody, orderLink, showLink } from "./links.ts";
import { additionSchema } from "./links-config.ts";
import type { About } from "./openapi/about.ts";
import * as answers from "./openapi/schemas.ts";
import { page } from "./pages/page.ts";
import { pull } from "./pull.ts";
import { push } from "./push.ts";
import { pullBody } from "./requests/pull.ts";
import { pushBody } from "./requests/push.ts";
import { verifyBody } from "./requests/verify.ts";
import { cut, cutBody } from "./retention.ts";
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
  /** What the description of the protocol says of it (H17). */
  readonly about?: About;
  handle(core: Core, call: Call): Promise<Response>;
}

const SPACE = "/v1/spaces/:space";
const TEXT = { type: "text/plain" };

export const routes: readonly Route[] = [
  {
    method: "GET",
    path: "/healthz",
    asks: "nothing",
    about: { summary: "Whether the process lives", answer: TEXT },
    handle: async () => new Response("ok\n"),
  },
  {
    method: "GET",
    path: "/readyz",
    asks: "nothing",
    about: { summary: "Whether its store answers", answer: TEXT },
    handle: ready,
  },
  {
    method: "GET",
    path: "/metrics",
    asks: "admin",
    freeOnLoopback: true,
    about: { summary: "Figures for Prometheus", answer: TEXT },
    handle: metrics,
  },
  {
    method: "GET",
    path: SPACE,
    asks: "head",
    scopes: "read",
    about: {
      summary: "What revision should I have?",
      query: {
        scope: "A scope whose count and digest are asked for; may come more than once",
        client: "A client, whose last settled mutation is asked for",
        cursor: "With a scope: how far behind this cursor is",
        at: "A time: the last revision committed at or before it",
      },
      answer: answers.head,
    },
    handle: head,
  },
  {
    method: "POST",
    path: `${SPACE}/pull`,
    asks: "scopes",
    scopes: "read",
    about: { summary: "All deltas since my cursors", body: pullBody, answer: { lines: answers.pulled } },
    handle: pull,
  },
  {
    method: "GET",
    path: `${SPACE}/pages/:page`,
    asks: "ticket",
    scopes: "read",
    about: {
      summary: "A page of a copy",
      query: { ticket: "As the answer that names the page says" },
      answer: { lines: answers.put },
    },
    handle: page,
  },
  {
    method: "POST",
    path: `${SPACE}/push`,
    asks: "head",
    scopes: "write",
    about: { summary: "Mutations, and what became of them", body: pushBody, answer: answers.pushed },
    handle: push,
  },
  {
    method: "POST",
    path: `${SPACE}/verify`,
    asks: "scopes",
    scopes: "read",
    about: { summary: "Fingerprints of ranges, to compare", body: verifyBody, answer: { lines: answers.verified } },
    handle: verify,
  },
  {
    method: "GET",
    path: `${SPACE}/live`,
    asks: "head",
    about: { summary: "A WebSocket that brings deltas as they come, and takes mutations", answer: TEXT },
    handle: noWebSocket,
  },
  {
    method: "GET",
    path: `${SPACE}/journal`,
    asks: "admin",
    about: {
      summary: "Raw entries of the journal",
      query: {
        since: "Entries after this revision",
        limit: "How many at most",
        changes: "How many changes of each entry at most",
        match: "Only entries that hold this text",
      },
      answer: answers.journal,
    },
    handle: journal,
  },
  {
    method: "GET",
    path: `${SPACE}/history/:collection/:id`,
    asks: "admin",
    about: {
      summary: "What happened to one record, the newest first",
      query: { limit: "How many versions at most" },
      answer: answers.history,
    },
    handle: history,
  },
  {
    method: "GET",
    path: `${SPACE}/links`,
    asks: "admin",
    about: { summary: "The links of a space, and how they stand", answer: answers.links },
    handle: listLinks,
  },
  {
    method: "POST",
    path: `${SPACE}/links`,
    asks: "admin",
    about: { summary: "Adds a link", body: additionSchema, answer: answers.linkDetails },
    handle: addLink,
  },
  {
    method: "GET",
    path: `${SPACE}/links/:name`,
    asks: "admin",
    about: { summary: "One link, with its conflicts and what it set aside", answer: answers.linkDetails },
    handle: showLink,
  },
  {
    method: "POST",
    path: `${SPACE}/links/:name`,
    asks: "admin",
    about: {
      summary: "Pauses, resumes, verifies, confirms or removes a link",
      body: orderBody,
      answer: z.looseObject({}),
    },
    handle: orderLink,
  },
  {
    method: "POST",
    path: `${SPACE}/cut`,
    asks: "admin",
    about: { summary: "Cuts the journal, tombstones and outcomes by age", body: cutBody, answer: answers.cut },
    handle: cut,
  },
  {
    method: "POST",
    path: `${SPACE}/erase`,
    asks: "admin",
    about: { summary: "Erases a record for good, wherever it went", body: eraseBody, answer: answers.erased },
    handle: erase,
  },
  ...adminRoutes,
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
