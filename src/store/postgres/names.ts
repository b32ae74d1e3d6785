import type { ScopeName, ScopesQuery } from "../store.ts";
import type { Session } from "./session.ts";
import { comparable } from "./values.ts";

/** Behind every character that the name of a scope is made of. */
const END = "~";

/** Few scopes are new, so these are found by age; all of them by their names, which lie together. */
export async function readScopes(
  session: Session,
  space: string,
  { prefix, after }: ScopesQuery,
): Promise<readonly ScopeName[]> {
  const from = comparable(prefix);
  const found = await session.query<{ scope: string; since: string }>(
    after > 0
      ? `SELECT scope, since FROM (
           SELECT name AS scope, since FROM scope WHERE space = $1 AND since > $4 ORDER BY since, name OFFSET 0) fresh
         WHERE scope >= $2 AND scope < $3 ORDER BY since, scope`
      : `SELECT name AS scope, since FROM scope
         WHERE space = $1 AND name >= $2 AND name < $3 AND since > $4 ORDER BY since, name`,
    [space, from, from + END, after],
  );
  return found.map(({ scope, since }) => ({ scope, since: Number(since) }));
}
