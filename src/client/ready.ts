import type { SubscriptionHandle } from "./subscribe.ts";

interface Subscribed {
  subscriptions(): Promise<readonly SubscriptionHandle[]>;
}

/**
 * Resolves when what a view reads from is complete: the subscription that is named, and rejects where that is refused; else
 * all that the client has now, of which one that is refused holds nothing and keeps nobody waiting.
 */
export async function filledFor(client: Subscribed, subscription: SubscriptionHandle | undefined): Promise<void> {
  if (subscription !== undefined) return await subscription.ready;
  await Promise.allSettled((await client.subscriptions()).map(({ ready }) => ready));
}
