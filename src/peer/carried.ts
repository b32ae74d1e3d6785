import { ALL } from "../model/names.ts";
import { isReserved } from "../server/identity.ts";
import type { LinkHost } from "../server/links.ts";
import type { LinkPlan } from "../server/links-config.ts";
import { randomName } from "../util/random.ts";
import { Following } from "./following.ts";
import { LeaseLost } from "./space.ts";
import { SpaceStore } from "./space-store.ts";
import { adoptedIn, linkNames } from "./stored.ts";

/** How often the lease is renewed, in milliseconds. */
const LEASE = 20_000;

/** A scope's copy that came by file instead of over the line (S8). */
export interface Carried {
  readonly scope: string;
  /** The revision of upstream that it is complete to. */
  readonly revision: number;
  /** The lines of the pull that was written down, from the beginning. */
  lines(): AsyncIterable<string>;
}

/** It cannot be taken in; the message says why. */
export class NotCarried extends Error {
  override name = "NotCarried";
}

/**
 * Fills the mirror of a link from a copy that came by file, as though upstream had answered the link's first pull: counts and
 * digests are compared, and the link goes on from there with deltas. Broken off at any point it may be done again.
 */
export async function takeCarried(host: LinkHost, space: string, plan: LinkPlan, carried: Carried): Promise<void> {
  const { scope, revision } = carried;
  if (!plan.scopes.includes(scope)) {
    const name = scope === ALL ? "the whole space" : scope;
    throw new NotCarried(`the link ${plan.name} follows ${plan.scopes.join(", ")}, and the file holds ${name}`);
  }
  if (isReserved(space)) throw new NotCarried("accounts are not carried by file: they come over the line");
  await host.ready;
  const others = (await linkNames(host, space)).filter((name) => name !== plan.name);
  const mirror = new SpaceStore({
    store: host.store,
    clock: host.clock,
    space,
    link: plan.name,
    upstream: () => undefined,
    sends: plan.direction === "both",
    stored: false,
    adopted: adoptedIn(host, space),
    others: () => others,
    holder: randomName(host.random),
    rule: host.ruleOf(space),
    intake: host.intakeOf(space, plan),
    rules: () => host.rules(space),
  });
  if ((await mirror.space.lease()) !== "mine")
    throw new NotCarried(`a server runs the link ${plan.name} now: end it first`);
  await mirror.open();
  if (mirror.revision > 0) {
    throw new NotCarried(
      `the link ${plan.name} holds revision ${mirror.revision} of upstream already, and needs no copy`,
    );
  }
  const done = new AbortController();
  const renewing = renewed(host, mirror, done.signal);
  try {
    await filled(host, space, plan, mirror, carried);
    if (mirror.revision !== revision) throw new NotCarried("the file does not hold what its end says: export it again");
    await mirror.disown();
  } finally {
    done.abort();
    await renewing;
    await mirror.space.release();
  }
}

async function filled(host: LinkHost, space: string, plan: LinkPlan, mirror: SpaceStore, carried: Carried) {
  const { store, clock, random, settings } = host;
  // What an earlier attempt left is begun anew: the file is at hand.
  await mirror.forget();
  let failure: unknown = null;
  const following = await Following.start({
    store,
    space,
    plan: { ...plan, scopes: [carried.scope], direction: "pull" },
    key: null,
    mirror,
    collections: settings.collections,
    clock,
    random,
    fetch: answering(carried),
    WebSocket: undefined,
    identity: null,
    onStatus: () => {},
    onEvent: () => {},
  });
  try {
    // It ends with a failure, as nobody answers the pull that comes after the copy.
    await following.round().catch((error: unknown) => {
      failure = error;
    });
  } finally {
    await following.stop();
  }
  if (mirror.revision === 0) throw new NotCarried(`the copy cannot be taken in: ${(failure as Error | null)?.message}`);
}

/** Upstream, as far as the file goes: the first pull is answered, and nothing else. */
function answering({ lines }: Carried): typeof globalThis.fetch {
  let asked = false;
  return async (input) => {
    if (asked || !new URL(String(input)).pathname.endsWith("/pull")) throw new TypeError("fetch failed");
    asked = true;
    const encoder = new TextEncoder();
    const each = lines()[Symbol.asyncIterator]();
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { done, value } = await each.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(`${value}\n`));
      },
    });
    return new Response(body, { headers: { "content-type": "application/x-ndjson" } });
  };
}

async function renewed({ clock }: LinkHost, { space }: SpaceStore, signal: AbortSignal): Promise<void> {
  for (;;) {
    await clock.sleep(LEASE, signal);
    if (signal.aborted) return;
    // Whoever took it meanwhile is told apart by each transaction.
    await space.lease().catch((error: unknown) => {
      if (error instanceof LeaseLost) return;
    });
  }
}
