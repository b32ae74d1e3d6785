import { createClient } from "tidemark/client";
import { indexedDbStore } from "tidemark/client/indexeddb";
import { typedHooks } from "tidemark/react";
import { networkSwitch } from "tidemark/react/panel";
import { collections } from "../collections.ts";

export const { TidemarkProvider, useQuery, useStatus, useMutate } = typedHooks<typeof collections>();

/** For the panel's offline switch; what is built for users has neither. */
export const network = import.meta.env.DEV ? networkSwitch() : null;

export const client = createClient({
  url: location.origin,
  space: "main",
  schema: { collections },
  store: indexedDbStore({ name: "main" }),
  ...(network && { fetch: network.fetch, WebSocket: network.WebSocket }),
});
client.subscribe({ scope: "tasks" });
