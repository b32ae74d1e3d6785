import type { Client, SubscriptionHandle } from "tidemark/client";
import type { collections } from "../collections.ts";
import { memberOf } from "../team.ts";

/** What a person's device holds: the people, and the projects that the person may see. */
export function follow(client: Client<typeof collections>, person: string): SubscriptionHandle[] {
  const projects = memberOf(person)?.projects ?? [];
  return ["people", ...projects.map((project) => `project/${project}`)].map((scope) => client.subscribe({ scope }));
}
