import type { SpacesResponse } from "../../wire/admin.ts";
import { Problem } from "../../wire/problem.ts";
import type { Call, Core } from "../core.ts";
import { json } from "../encode.ts";

/** `GET /v1/spaces` (Y1): those that the caller administers, and no word of others. */
export async function listSpaces({ store, access }: Core, { request, user }: Call): Promise<Response> {
  const server = access.authorize(user, { do: "admin", space: "*" });
  const names = (await store.spaces()).filter((space) => access.authorize(user, { do: "admin", space }));
  if (names.length === 0 && !server)
    throw new Problem("forbidden", "this principal administers no space of this server: ask for a token that does");
  const spaces: SpacesResponse["spaces"][number][] = [];
  for (const space of names) {
    const head = await store.head(space);
    if (head === null) continue;
    const { revision, time } = head;
    spaces.push({ space, revision, at: revision === 0 ? null : new Date(time).toISOString() });
  }
  const response: SpacesResponse = { spaces, server };
  return json(request, response);
}
