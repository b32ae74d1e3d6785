import type { Route } from "../routes.ts";
import { listLost } from "./lost.ts";
import { listRecords } from "./records.ts";
import { listReplicas, orderReplica, replicaOrder } from "./replicas.ts";
import * as answers from "./schemas.ts";
import { listScopes } from "./scopes.ts";
import { listSpaces } from "./spaces.ts";
import { showStore } from "./store.ts";

const SPACE = "/v1/spaces/:space";
const LIMIT = "How many at most";

/** What administrators look at (section Y). */
export const adminRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/spaces",
    asks: "each",
    about: { summary: "The spaces that the caller administers", answer: answers.spaces },
    handle: listSpaces,
  },
  {
    method: "GET",
    path: `${SPACE}/scopes`,
    asks: "admin",
    about: {
      summary: "Scopes with their fingerprints",
      query: { prefix: "What they begin with", after: "Scopes after this one", limit: LIMIT },
      answer: answers.scopes,
    },
    handle: listScopes,
  },
  {
    method: "GET",
    path: `${SPACE}/records`,
    asks: "admin",
    about: {
      summary: "Records in key order",
      query: {
        collection: "Of this collection",
        scope: "Of this scope",
        from: "Begins at this id of the collection",
        after: "Records after this key",
        match: "Only records that hold this text",
        limit: LIMIT,
      },
      answer: answers.records,
    },
    handle: listRecords,
  },
  {
    method: "GET",
    path: `${SPACE}/store`,
    asks: "admin",
    about: { summary: "What a space holds, and how far back it can be asked", answer: answers.store },
    handle: showStore,
  },
  {
    method: "GET",
    path: `${SPACE}/replicas`,
    asks: "admin",
    about: { summary: "Who follows a space", query: { limit: LIMIT }, answer: answers.replicas },
    handle: listReplicas,
  },
  {
    method: "POST",
    path: `${SPACE}/replicas/:connection`,
    asks: "admin",
    about: { summary: "Asks a connected replica to verify itself", body: replicaOrder, answer: answers.asked },
    handle: orderReplica,
  },
  {
    method: "GET",
    path: `${SPACE}/lost`,
    asks: "admin",
    about: { summary: "Writes that did not stand", query: { limit: LIMIT }, answer: answers.lost },
    handle: listLost,
  },
];
