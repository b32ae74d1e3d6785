import { ALL } from "./names.ts";
import type { User } from "./schema.ts";

/** What somebody wants to do; the one question that every path asks (A3). */
export type Action =
  | { readonly do: "read" | "write"; readonly space: string; readonly scope: string }
  /** The journal and operations of a space; with space "*" of the whole server. */
  | { readonly do: "admin"; readonly space: string }
  /** Learn who wrote what, and say so of what is brought from another server (S24). */
  | { readonly do: "authors"; readonly space: string }
  /** Learn that the space exists, its head, and its own client's numbers. */
  | { readonly do: "head"; readonly space: string };

export type Authorize = (user: User, action: Action) => boolean;

/** A pattern is a scope, a prefix with a trailing `*`, or `*`: everything. */
export function patternCovers(pattern: string, scope: string): boolean {
  if (pattern === ALL) return true;
  if (pattern.endsWith("*")) return scope.startsWith(pattern.slice(0, -1)) && scope !== ALL;
  return pattern === scope;
}
