import { z } from "zod";

/** A directory that users come from (section U). */
export interface LdapConfig {
  /** `ldaps://host`, or `ldap://host` with `startTls`. */
  readonly url: string;
  /** Whether TLS begins before anything is said. */
  readonly startTls?: boolean;
  /** Certificates that the directory's is signed by, as PEM; those of the system by default. */
  readonly ca?: string;
  /** Who reads the directory. */
  readonly bindDn: string;
  readonly bindPassword: string | (() => string | Promise<string>);
  /** Beneath which entry users are. */
  readonly base: string;
  /** Which entries are users; "(objectClass=inetOrgPerson)" by default. */
  readonly filter?: string;
  /** The attribute that never changes; "entryUUID" by default, "objectGUID" for Active Directory. */
  readonly key?: string;
  /** The attribute that is the user name; "uid" by default. */
  readonly userName?: string;
  /** Entries of a page; 500 by default. */
  readonly page?: number;
  /** Its groups come as well, with their members. Absent: they do not. */
  readonly groups?: LdapGroups;
  /** Cron, in the time zone beside it (UTC by default). Absent: only `tidemark users sync` reads it. */
  readonly schedule?: string | { readonly cron: string; readonly timeZone?: string };
}

/** Which groups come; each is known by `key`, as users are. */
export interface LdapGroups {
  /** Beneath which entry they are; the users' by default. */
  readonly base?: string;
  /** Which entries are groups; groupOfNames, groupOfUniqueNames, posixGroup and group by default. */
  readonly filter?: string;
  /** The attribute that is the name; "cn" by default. */
  readonly name?: string;
}

/** With its defaults filled in. */
export interface LdapPlan extends Omit<Required<LdapConfig>, "ca" | "schedule" | "groups"> {
  readonly name: string;
  readonly groups: Required<LdapGroups> | null;
  readonly ca: string | null;
  readonly schedule: { readonly cron: string; readonly timeZone: string } | null;
}

const GROUPS = `(|${["groupOfNames", "groupOfUniqueNames", "posixGroup", "group"].map((name) => `(objectClass=${name})`).join("")})`;

const address = z.string().refine((text) => /^ldaps?:\/\//i.test(text) && URL.canParse(text), {
  error: "expected an address such as ldaps://directory.example",
});
const cron = z.string().min(9, { error: 'expected a cron expression such as "0 3 * * *"' });
const attribute = z.string().regex(/^[A-Za-z][A-Za-z0-9-]*$/, { error: "expected the name of an attribute" });

const ldapConfig = z.strictObject({
  url: address,
  startTls: z.boolean().optional(),
  ca: z.string().optional(),
  bindDn: z.string().min(1, { error: "expected a distinguished name" }),
  bindPassword: z.union([z.string().min(1), z.custom((value) => typeof value === "function")], {
    error: "expected a password, or a function that gives it: without one a bind says nothing",
  }),
  base: z.string(),
  filter: z.string().startsWith("(", { error: 'expected a filter such as "(objectClass=person)"' }).optional(),
  key: attribute.optional(),
  userName: attribute.optional(),
  page: z.int().min(1).max(10_000).optional(),
  groups: z
    .strictObject({
      base: z.string().optional(),
      filter: z.string().startsWith("(", { error: 'expected a filter such as "(objectClass=posixGroup)"' }).optional(),
      name: attribute.optional(),
    })
    .optional(),
  schedule: z.union([cron, z.strictObject({ cron, timeZone: z.string().optional() })]).optional(),
});

export const ldapSchema = z.record(
  z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, { error: "expected a name of letters, digits, dots and dashes" }),
  ldapConfig,
);

export function ldapPlans(sources: { readonly [name: string]: LdapConfig }): LdapPlan[] {
  return Object.entries(sources).map(([name, { schedule, ca = null, groups, ...config }]) => {
    const { cron: text, timeZone = "UTC" } = typeof schedule === "object" ? schedule : { cron: schedule ?? "" };
    return {
      startTls: false,
      filter: "(objectClass=inetOrgPerson)",
      key: "entryUUID",
      userName: "uid",
      page: 500,
      ...config,
      name,
      ca,
      groups: groups === undefined ? null : { base: config.base, filter: GROUPS, name: "cn", ...groups },
      schedule: schedule === undefined ? null : { cron: text, timeZone },
    };
  });
}
