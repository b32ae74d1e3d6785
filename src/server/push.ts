import type { PushRequest, PushResponse, Refusal } from "../model/push.ts";
import { Problem } from "../wire/problem.ts";
import { demandStanding } from "./access.ts";
import { tellsAuthors } from "./authors.ts";
import { readJson } from "./body.ts";
import { type Asker, type Call, type Core, checkSchemaVersion } from "./core.ts";
import { json } from "./encode.ts";
import { pushRequest } from "./requests/push.ts";

/** `POST …/push` (H4): each scope that a write touches is asked for in `decide` (W11). */
export async function push(core: Core, call: Call): Promise<Response> {
  const { limits } = core.settings;
  return json(call.request, await pushed(core, call, pushRequest(await readJson(call.request, limits), limits)));
}

/** Resolves when the push is durable; throws what it is refused for. */
export async function pushed(core: Core, { space, user }: Asker, request: PushRequest): Promise<PushResponse> {
  checkSchemaVersion(core.settings, request.schema);
  const settled = await core.newcomers?.admit(space, user, request.client);
  const writes = request.mutations.reduce((sum, mutation) => sum + mutation.writes.length, 0);
  core.rate.charge(user.id, "writes", writes);
  demandStanding(core.access, user);
  // Whose word nobody asked for names no other author (S24).
  const attributed = request.mutations.some(({ origin }) => origin !== undefined);
  const heard = !attributed || tellsAuthors(core, { space, user }, { authors: true }) ? request : unattributed(request);
  const result = await core.spaces.push(space, { user, request: heard });
  await settled?.();
  if ("refused" in result) throw refusalProblem(result);
  return result;
}

function unattributed(request: PushRequest): PushRequest {
  return { ...request, mutations: request.mutations.map(({ origin: _, ...mutation }) => mutation) };
}

function refusalProblem({ refused, detail, lastMutation, id }: Refusal): Problem {
  const retry = refused === "rate-limited" ? { retryAfter: 1 } : {};
  return new Problem(refused, detail, { lastMutation, ...(id !== undefined && { id }), ...retry });
}
