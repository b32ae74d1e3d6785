import type { Scopes } from "./store.ts";

/** A query of one scope, and one of a union of scopes. */
export type One<Q> = Q & { readonly scope: string };
export type Union<Q> = Q & { readonly scope: readonly string[] };

export function ofScopes<Q extends { readonly scope: Scopes }, R>(
  query: Q,
  one: (query: One<Q>) => R,
  union: (query: Union<Q>) => R,
): R {
  const { scope } = query;
  return typeof scope === "string" ? one({ ...query, scope }) : union({ ...query, scope });
}
