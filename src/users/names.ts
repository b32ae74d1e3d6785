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
