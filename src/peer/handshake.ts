import { TransportError } from "../client/errors.ts";
import { problemOf } from "../client/transport.ts";
import { Watch } from "../client/watch.ts";
import type { LinkPlan } from "../server/links-config.ts";
import type { Clock } from "../util/clock.ts";
import { isObject } from "../util/json.ts";

/** How long upstream may think about it, in milliseconds. */
const PATIENCE = 30_000;

/** This link may not be: it stays so until somebody changes something. */
export class Refused extends Error {
  override name = "Refused";
}

interface HandshakeOptions {
  readonly plan: LinkPlan;
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
export async function handshake({ plan, fetch, clock, signal, identity }: HandshakeOptions): Promise<string[]> {
  const watch = new Watch(clock, PATIENCE, signal);
  try {
    const token = typeof plan.token === "function" ? await watch.within(Promise.resolve(plan.token())) : plan.token;
    const headers: { [name: string]: string } = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const address = `${plan.url.replace(/\/+$/, "")}/v1/spaces/${plan.space}?link=${encodeURIComponent(identity)}`;
    const response = await watch.within(fetch(address, { headers, signal: watch.signal }));
    const text = await watch.within(response.text());
    const path = pathIn(response, text);
    if (path[0] === identity) {
      throw new Refused(`${plan.url} is this server itself: a space does not follow itself (${identity})`);
    }
    if (path.includes(identity)) {
      const ring = [...path.slice(0, path.indexOf(identity) + 1), path[0]].join(" follows ");
      throw new Refused(`this link would close a ring: ${identity} would follow ${path[0]}, and ${ring}`);
    }
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

function pathIn(response: Response, text: string): string[] {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = null;
  }
  if (response.ok && isObject(body) && typeof body.revision === "number") {
    return Array.isArray(body.path) ? body.path.filter((each): each is string => typeof each === "string") : [];
  }
  const problem = problemOf(body);
  if (problem !== null) throw problem;
  throw new TransportError("foreign", `the answer (${response.status}) did not come from a Tidemark server`);
}
