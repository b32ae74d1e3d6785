import { TransportError } from "../client/errors.ts";
import { problemOf } from "../client/transport.ts";
import { Watch } from "../client/watch.ts";
import { ringIn } from "../model/forest.ts";
import { idFlaw } from "../model/names.ts";
import type { LinkPlan } from "../server/links-config.ts";
import type { Clock } from "../util/clock.ts";
import { isObject } from "../util/json.ts";
import { Refused } from "./refused.ts";
import type { LinkKey } from "./registration/key.ts";

/** How long upstream may think about it, in milliseconds. */
const PATIENCE = 30_000;

interface HandshakeOptions {
  readonly plan: LinkPlan;
  /** Of a link that was registered; null: it goes by its token. */
  readonly key: LinkKey | null;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Of the space that would follow. */
  readonly identity: string;
}

/**
 * Asks upstream for its path: itself and those that it follows, however far up (S3).
 *
 * @throws Refused where this space is among them: with "upstream wins" a ring would never come to rest.
 */
export async function handshake({ plan, key, fetch, clock, signal, identity }: HandshakeOptions): Promise<string[]> {
  const watch = new Watch(clock, PATIENCE, signal);
  try {
    const auth = key === null ? plan.token : key.token;
    const token = typeof auth === "function" ? await watch.within(Promise.resolve(auth())) : auth;
    const headers: { [name: string]: string } = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const address = `${plan.url.replace(/\/+$/, "")}/v1/spaces/${plan.space}?link=${encodeURIComponent(identity)}`;
    const response = await watch.within(fetch(address, { headers, signal: watch.signal }));
    const text = await watch.within(response.text());
    const { told, signature } = answerOf(response, text);
    const path = checkedPath(key === null ? told : await key.path(signature, plan.space, identity));
    const ring = ringIn(path, identity);
    if (ring !== null) throw new Refused(ring);
    return path;
  } catch (error) {
    if (error instanceof TypeError || (error instanceof Error && error.name === "AbortError")) {
      throw new TransportError("offline", "the server upstream cannot be reached", { cause: error });
    }
    throw error;
  } finally {
    watch.close();
  }
}

function answerOf(response: Response, text: string): { told: readonly unknown[]; signature: unknown } {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = null;
  }
  if (response.ok && isObject(body) && typeof body.revision === "number")
    return { told: Array.isArray(body.path) ? body.path : [], signature: body.signature };
  const problem = problemOf(body);
  if (problem !== null) throw problem;
  throw new TransportError("foreign", `the answer (${response.status}) did not come from a Tidemark server`);
}

/** Servers above each other; more are no tree that anybody has. */
const DEEPEST = 1_000;

/** A path that can be one: each space once, and each by an identity. */
function checkedPath(told: readonly unknown[]): string[] {
  const path = told.filter((each): each is string => typeof each === "string" && idFlaw(each) === null);
  if (path.length === told.length && new Set(path).size === path.length && path.length <= DEEPEST) return path;
  throw new Refused("upstream tells a path that cannot be: each space above it stands there once, by its identity");
}
