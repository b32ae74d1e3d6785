import { type Action, patternCovers } from "../../model/grant.ts";
import { ALL } from "../../model/names.ts";
import type { LinkGrant } from "../../wire/grants.ts";

const SYSTEM = "system";
const CREDENTIALS = "system-credentials";

/** Whether a link may do something (S7): in its space by its scopes, in those of the accounts by `users`. */
export function grants({ space, scopes, direction, users, authors }: LinkGrant, action: Action): boolean {
  if (action.do === "admin") return false;
  const own = action.space === space && space !== SYSTEM;
  if (action.do === "authors") return own && authors === true;
  const accounts = action.space === SYSTEM && users !== "none";
  const verifiers = action.space === CREDENTIALS && users === "verifier";
  if (action.do === "head") return own || accounts || verifiers;
  const { scope } = action;
  if (action.do === "read" && accounts) return scope === "users" || scope === "roles";
  if (action.do === "read" && verifiers) return scope === "verifiers";
  return own && (action.do === "read" || direction === "both") && scopes.some((each) => patternCovers(each, scope));
}

/** What a link asks for beyond what it was invited to; null: nothing. */
export function excessOf(wants: LinkGrant, granted: LinkGrant): string | null {
  if (wants.space !== granted.space) return `the space ${wants.space}`;
  const scope = wants.scopes.find((each) => !granted.scopes.some((pattern) => coversAll(pattern, each)));
  if (scope !== undefined) return `the scope ${scope}`;
  if (wants.direction === "both" && granted.direction !== "both") return 'the direction "both"';
  return USERS.indexOf(wants.users) > USERS.indexOf(granted.users) ? `users: "${wants.users}"` : null;
}

const USERS: readonly LinkGrant["users"][] = ["none", "directory", "verifier"];

function coversAll(pattern: string, scope: string): boolean {
  if (pattern === ALL || pattern === scope) return true;
  return pattern.endsWith("*") && scope !== ALL && scope.startsWith(pattern.slice(0, -1));
}
