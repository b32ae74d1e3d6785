import { z } from "zod";
import { demand } from "../../server/access.ts";
import type { Call, Core } from "../../server/core.ts";
import type { About } from "../../server/openapi/about.ts";
import { logFault, problemOf } from "../../server/problem.ts";
import type { Route } from "../../server/routes.ts";
import { SYSTEM } from "../names.ts";
import type { Opened } from "../state.ts";
import type { ScimCall } from "./call.ts";
import { resourceTypes, schemas, serviceProviderConfig } from "./discovery.ts";
import { createGroup, deleteGroup, listGroups, patchGroup, replaceGroup, showGroup } from "./groups.ts";
import { errorAnswer, loadScimmy, ScimError, scimErrorOf } from "./protocol.ts";
import { ScimTokens } from "./tokens.ts";
import { createUser, deleteUser, listUsers, patchUser, replaceUser, showUser } from "./users.ts";

const ROOT = "/scim/v2";

type Handle = (call: ScimCall) => Promise<Response> | Response;

const HANDLES: readonly (readonly [Route["method"], string, Handle])[] = [
  ["GET", "/ServiceProviderConfig", serviceProviderConfig],
  ["GET", "/ResourceTypes", resourceTypes],
  ["GET", "/ResourceTypes/:id", resourceTypes],
  ["GET", "/Schemas", schemas],
  ["GET", "/Schemas/:id", schemas],
  ["GET", "/Users", listUsers],
  ["POST", "/Users", createUser],
  ["GET", "/Users/:id", showUser],
  ["PUT", "/Users/:id", replaceUser],
  ["PATCH", "/Users/:id", patchUser],
  ["DELETE", "/Users/:id", deleteUser],
  ["GET", "/Groups", listGroups],
  ["POST", "/Groups", createGroup],
  ["GET", "/Groups/:id", showGroup],
  ["PUT", "/Groups/:id", replaceGroup],
  ["PATCH", "/Groups/:id", patchGroup],
  ["DELETE", "/Groups/:id", deleteGroup],
];

/** Their forms are RFC 7643's and 7644's, and told by `/Schemas`. */
function aboutOf(method: Route["method"], path: string): About {
  const summary = `SCIM 2.0 (RFC 7644): ${method} ${path.replace("/:id", ", one")}`;
  const body = ["POST", "PUT", "PATCH"].includes(method) && { body: z.looseObject({}) };
  return { summary, ...body, answer: { type: "application/scim+json" } };
}

/** SCIM 2.0 (U6). Every answer, also each refusal, is in SCIM's own form. */
export function scimRoutes(state: () => Opened): readonly Route[] {
  const route = (method: Route["method"], path: string, handle: Handle, about?: About): Route => ({
    method,
    path: `${ROOT}${path}`,
    asks: "credentials",
    ...(about && { about }),
    handle: (core, call) => answered(core, call, state, handle),
  });
  const nothing: Handle = () => {
    throw new ScimError(404, null, "there is nothing at this address for this method");
  };
  const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;
  return [
    ...HANDLES.map(([method, path, handle]) => route(method, path, handle, aboutOf(method, path))),
    ...methods.map((method) => route(method, "/*", nothing)),
  ];
}

async function answered(core: Core, call: Call, state: () => Opened, handle: Handle): Promise<Response> {
  try {
    const opened = state();
    const source = await sourceOf(core, call, opened);
    await opened.current();
    const { origin, pathname } = call.url;
    const base = `${origin}${pathname.slice(0, pathname.lastIndexOf(ROOT) + ROOT.length)}`;
    const carrier = opened.carrier(source);
    return await handle({ state: opened, scimmy: await loadScimmy(), carrier, core, call, base });
  } catch (error) {
    if (!(error instanceof ScimError)) logFault(core.log, error, { route: ROOT });
    return errorAnswer(scimErrorOf(error) ?? (scimErrorOf(problemOf(error)) as ScimError));
  }
}

/** Who asks: the bearer of a SCIM token, or whoever may write the scope `users`. */
async function sourceOf(core: Core, { request, address }: Call, { scimTokens }: Opened): Promise<string> {
  const token = /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
  if (ScimTokens.owns(token)) {
    const source = `scim:${await scimTokens.nameOf(token)}`;
    core.rate.admit(source);
    return source;
  }
  const user = await core.access.identify(request, { address, loopback: false });
  core.rate.admit(user.id);
  const action = request.method === "GET" ? "read" : "write";
  demand(core.access, user, { do: action, space: SYSTEM, scope: "users" });
  return `scim:${user.id}`;
}
