import type { PushResponse, Refusal } from "../model/push.ts";
import { Problem } from "../wire/problem.ts";
import { readJson } from "./body.ts";
import { type Call, type Core, checkSchemaVersion } from "./core.ts";
import { json } from "./encode.ts";
import { pushRequest } from "./requests/push.ts";

/** `POST …/push` (H4): each scope that a write touches is asked for in `decide` (W11). */
export async function push(core: Core, call: Call): Promise<Response> {
  const { settings, rate, spaces } = core;
  const request = pushRequest(await readJson(call.request, settings.limits), settings.limits);
  checkSchemaVersion(settings, request.schema);
  const settled = await core.newcomers?.admit(call.space, call.user, request.client);
  rate.charge(
    call.user.id,
    "writes",
    request.mutations.reduce((sum, { writes }) => sum + writes.length, 0),
  );
  const result = await spaces.push(call.space, { user: call.user, request });
  await settled?.();
  if ("refused" in result) throw refusalProblem(result);
  return json(call.request, result satisfies PushResponse);
}

function refusalProblem({ refused, detail, lastMutation, id }: Refusal): Problem {
  const retry = refused === "rate-limited" ? { retryAfter: 1 } : {};
  return new Problem(refused, detail, { lastMutation, ...(id !== undefined && { id }), ...retry });
}
