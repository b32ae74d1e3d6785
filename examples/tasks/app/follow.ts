import type { Client, SubscriptionHandle } from "tidemark/client";
import type { collections } from "../collections.ts";

/**
 * What a device holds: the people, and every project that the person may read, also those that come later; one that the
 * person may no longer read goes from the device.
 */
export function follow(client: Client<typeof collections>): SubscriptionHandle[] {
  return ["people", "project/*"].map((scope) => client.subscribe({ scope }));
}
