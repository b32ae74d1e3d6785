import { ALL } from "./names.ts";
import type { Membership, Revision } from "./record.ts";

/** The scopes that hold the record now, `*` included. */
export function presentIn(members: ReadonlyMap<string, Membership>): Set<string> {
  const scopes = new Set<string>();
  for (const [scope, member] of members) if (member.present) scopes.add(scope);
  return scopes;
}

/**
 * The memberships of a record after a revision that changed it (M4, M5): it is in `*` and in `scopes`, or, where `scopes`
 * is null since the record was deleted, in none.
 */
export function moved(
  members: ReadonlyMap<string, Membership>,
  scopes: ReadonlySet<string> | null,
  revision: Revision,
): Map<string, Membership> {
  const after = new Map(members);
  for (const [scope, member] of members) {
    if (member.present && (scopes === null || (scope !== ALL && !scopes.has(scope))))
      after.set(scope, { ...member, revision, present: false });
  }
  if (scopes === null) return after;
  for (const scope of [ALL, ...scopes]) {
    const member = members.get(scope);
    const entered = member?.present ? member.entered : revision;
    after.set(scope, { revision, entered, first: member?.first ?? revision, present: true });
  }
  return after;
}

/**
 * The memberships of a record that itself did not change, but belongs elsewhere (C8): only those that begin or end get
 * the revision. Null where it is in place.
 */
export function rescoped(
  members: ReadonlyMap<string, Membership>,
  scopes: ReadonlySet<string>,
  revision: Revision,
): Map<string, Membership> | null {
  const present = presentIn(members);
  present.delete(ALL);
  if (present.size === scopes.size && [...scopes].every((scope) => present.has(scope))) return null;
  const all = moved(members, scopes, revision);
  return new Map([...all].map(([scope, member]) => [scope, kept(members.get(scope), member)]));
}

function kept(before: Membership | undefined, after: Membership): Membership {
  return before?.present && after.present ? before : after;
}
