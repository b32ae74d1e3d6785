import { type Action, patternCovers } from "../model/grant.ts";
import type { Granted } from "./directory.ts";
import { SYSTEM } from "./names.ts";

/** Whether grants allow an action (A2). The space `system` is only meant where it is named. */
export function allows(grants: readonly Granted[], action: Action): boolean {
  const { space } = action;
  const here = grants.filter((grant) => grant.space === space || (grant.space === "*" && space !== SYSTEM));
  if (action.do === "admin" || action.do === "authors") return here.some(({ admin }) => admin);
  if (action.do === "head") return here.some(({ read, write, admin }) => admin || read.length > 0 || write.length > 0);
  return here.some((grant) => {
    const covers = (pattern: string) => patternCovers(pattern, action.scope);
    return grant[action.do].some(covers) && (grant.within === null || covers(grant.within));
  });
}
