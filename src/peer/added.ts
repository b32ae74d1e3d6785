import { TransportError } from "../client/errors.ts";
import type { LinkHost } from "../server/links.ts";
import type { LinkPlan } from "../server/links-config.ts";
import type { LinkAddition } from "../wire/links.ts";
import { Problem } from "../wire/problem.ts";
import { handshake } from "./handshake.ts";
import { identityOf, newIdentity } from "./identity.ts";
import { Refused } from "./refused.ts";
import { registration } from "./registration/key.ts";
import { keepLink } from "./stored.ts";

interface Added {
  readonly host: LinkHost;
  readonly fetch: typeof globalThis.fetch;
  readonly signal: AbortSignal;
  readonly space: string;
  readonly addition: LinkAddition;
  readonly plan: LinkPlan;
  readonly code: string | undefined;
}

/**
 * Keeps a link that is added to a running server, after upstream has registered it where it has a code: link, key and, in a
 * space that is not there yet, the space itself come in one transaction, or nothing does (S13).
 */
export async function keepAdded({ host, fetch, signal, space, addition, plan, code }: Added): Promise<void> {
  const { store, random, clock, settings } = host;
  const identity = (await identityOf(store, space, random)) ?? newIdentity(space, random);
  const registered = code === undefined ? null : await registeredBy(code);
  const key = registered?.key ?? null;
  await handshake({ plan, key, fetch, clock, signal, identity }).catch((error: unknown) => {
    // Upstream need not be there yet; but what it says of its path counts at once (S3).
    if (error instanceof Refused) throw new Problem("invalid", error.message, { path: "url" });
  });
  const notes = registered?.notes ?? new Map<string, string>();
  const kept = await keepLink(store, space, { config: addition, collections: settings.collections, identity, notes });
  if (!kept) throw new Problem("invalid", `somebody added a link ${plan.name} at the same time`, { path: "name" });

  async function registeredBy(code: string) {
    try {
      return await registration({ host, plan, fetch }, code, identity);
    } catch (error) {
      if (error instanceof Refused) throw new Problem("invalid", error.message, { path: "code" });
      if (error instanceof TransportError)
        throw new Problem("unavailable", `${error.message}: a link with a code is registered when it is added`);
      throw error;
    }
  }
}
