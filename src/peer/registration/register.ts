import { TransportError } from "../../client/errors.ts";
import { problemOf } from "../../client/transport.ts";
import { Watch } from "../../client/watch.ts";
import { LASTS, signedBy } from "../../server/grants/index.ts";
import type { LinkPlan } from "../../server/links-config.ts";
import type { Clock } from "../../util/clock.ts";
import { isObject } from "../../util/json.ts";
import type { Registered } from "../../wire/grants.ts";
import { Problem } from "../../wire/problem.ts";
import { Refused } from "../refused.ts";

/** How long upstream may think about it, in milliseconds. */
const PATIENCE = 30_000;

interface RegisterOptions {
  readonly plan: LinkPlan;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  readonly code: string;
  readonly identity: string;
  readonly keys: { readonly publicKey: string; readonly secret: string };
}

/**
 * Shows upstream a one-time code and a public key, with a proof that this server has the other half (S7).
 *
 * @throws Refused where upstream says no: the code is then as it was.
 */
export async function register({ plan, fetch, clock, code, identity, keys }: RegisterOptions): Promise<Registered> {
  const iat = Math.floor(clock.now() / 1_000);
  const proof = await signedBy(keys.secret, keys.publicKey, { sub: identity, iat, exp: iat + LASTS / 1_000 });
  const body = JSON.stringify({ code, key: keys.publicKey, proof, identity, wants: plan.wants });
  const watch = new Watch(clock, PATIENCE, new AbortController().signal);
  try {
    const headers = { "content-type": "application/json" };
    const address = `${plan.url.replace(/\/+$/, "")}/v1/links/register`;
    const response = await watch.within(fetch(address, { method: "POST", headers, body, signal: watch.signal }));
    return answerOf(response, await watch.within(response.text()));
  } catch (error) {
    if (error instanceof TypeError || (error instanceof Error && error.name === "AbortError"))
      throw new TransportError("offline", "the server upstream cannot be reached", { cause: error });
    if (error instanceof Problem && error.code !== "unavailable" && error.code !== "rate-limited")
      throw new Refused(`upstream does not register this link: ${error.message}`);
    throw error;
  } finally {
    watch.close();
  }
}

function answerOf(response: Response, text: string): Registered {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = null;
  }
  if (response.ok && isObject(body) && typeof body.link === "string" && isObject(body.server)) {
    const { id, key } = body.server;
    if (typeof id === "string" && typeof key === "string") return body as unknown as Registered;
  }
  throw (
    problemOf(body) ??
    new TransportError("foreign", `the answer (${response.status}) did not come from a Tidemark server`)
  );
}
