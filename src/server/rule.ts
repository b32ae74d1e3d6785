import type { Head } from "../model/batch.ts";
import type { SpaceReview } from "../model/push.ts";
import type { SpaceRule } from "./identity.ts";

/** The rule of a space knows another revision of it than that under the lock: it has to catch up. */
export class RuleBehind extends Error {
  override name = "RuleBehind";
  constructor() {
    super("the rule of this space has to catch up");
  }
}

/** Decisions for which the rule of a space may have to catch up with other servers before it is given up. */
export const CATCH_UPS = 50;

/** @throws RuleBehind */
export function begunRule(rule: SpaceRule, head: Head): { readonly review: SpaceReview; end(): void } {
  const begun = rule.begin(head);
  if (begun === null) throw new RuleBehind();
  return begun;
}
