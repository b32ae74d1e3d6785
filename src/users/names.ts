import type { User } from "../model/schema.ts";

/** Users, groups, memberships, roles and bindings (U1). */
export const SYSTEM = "system";
/** Password verifiers: a space of its own, so that neither `*` nor journal, history or fingerprint of `system` holds one (U2). */
export const CREDENTIALS = "system-credentials";
/** Sessions, one-time codes and the signing key: no link ever follows it (U2). */
export const SESSIONS = "system-sessions";

/** The role that administers the server. */
export const ADMINISTRATOR = "administrator";

/** The server as it writes what it keeps. Known by the object, not by the name, which a token could bear as well. */
export const KEEPER: User = { id: "tidemark" };
/** Whoever has shown a setup code. */
export const FOUNDER: User = { id: "tidemark-setup" };

/** User names are the same where they look the same: compatibility forms and case do not count. */
export function foldedName(userName: string): string {
  return userName.normalize("NFKC").toLowerCase().normalize("NFKC").trim();
}

const LINK = "link:";

/** Who manages the rows that a link brings. */
export function managerOf(link: string): string {
  return LINK + link;
}

export function isLinkManaged(managedBy: string | undefined): managedBy is string {
  return managedBy?.startsWith(LINK) === true;
}

/** In whose name a link writes: nobody's, since no principal's id is empty. It gives only the roles that it maps to. */
export function linkWriter(roles: Iterable<string>): User {
  return { id: "", claims: { roles: [...roles] } };
}

/** The roles that a link may give; null: it is not a link that writes. */
export function rolesOfLink(user: User): readonly string[] | null {
  return user.id === "" ? ((user.claims as { roles?: readonly string[] } | undefined)?.roles ?? []) : null;
}
