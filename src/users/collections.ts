import { z } from "zod";
import { idFlaw, scopeFlaw, spaceFlaw, subscribedFlaw } from "../model/names.ts";
import { type Collections, collection } from "../model/schema.ts";
import { phcFlaw } from "./phc.ts";

const text = z.string().max(1_024);
const id = checked(idFlaw);
const time = z.iso.datetime({ offset: true });
const managedBy = id.optional();

const userName = z
  .string()
  .max(256)
  .refine((name) => name.trim() === name && idFlaw(name) === null, {
    error: "a user name has 1 to 256 bytes without control characters, and no white space at its ends",
  });

const several = z
  .array(z.looseObject({ value: text, type: text.optional(), primary: z.boolean().optional() }))
  .max(100)
  .optional();

export const userSchema = z.looseObject({
  id,
  userName,
  active: z.boolean(),
  externalId: text.optional(),
  displayName: text.optional(),
  givenName: text.optional(),
  familyName: text.optional(),
  emails: several,
  phoneNumbers: several,
  locale: text.optional(),
  timeZone: text.optional(),
  validFrom: time.optional(),
  validUntil: time.optional(),
  managedBy,
});

export const groupSchema = z.looseObject({ id, displayName: text, externalId: text.optional(), managedBy });
export const membershipSchema = z.looseObject({ id, group: id, user: id, managedBy });

/** "*" is every space but `system`; with `admin` it is the whole server. */
const grant = z.strictObject({
  space: checked((space) => (space === "*" ? null : spaceFlaw(space))),
  read: z.array(checked(patternFlaw)).max(100).optional(),
  write: z.array(checked(patternFlaw)).max(100).optional(),
  admin: z.boolean().optional(),
});

export const roleSchema = z.looseObject({ id, name: text, grants: z.array(grant).max(100), managedBy });

export const bindingSchema = z
  .looseObject({
    id,
    role: id,
    user: id.optional(),
    group: id.optional(),
    space: checked(spaceFlaw).optional(),
    scope: checked(patternFlaw).optional(),
    managedBy,
  })
  .refine(({ user, group }) => (user === undefined) !== (group === undefined), {
    error: "a binding names a user or a group, and not both",
  });

export type UserRecord = z.output<typeof userSchema>;
export type GroupRecord = z.output<typeof groupSchema>;
export type RoleRecord = z.output<typeof roleSchema>;
export type BindingRecord = z.output<typeof bindingSchema>;
export type MembershipRecord = z.output<typeof membershipSchema>;
export type Grant = z.output<typeof grant>;

/** The space `system`. A link on the scope `users` carries people; what they may do is in the scope `roles`. */
export const SYSTEM_COLLECTIONS: Collections = {
  users: collection({ schema: userSchema, scopes: () => ["users"] }),
  groups: collection({ schema: groupSchema, scopes: () => ["users"] }),
  memberships: collection({ schema: membershipSchema, scopes: () => ["users"] }),
  roles: collection({ schema: roleSchema, scopes: () => ["roles"] }),
  bindings: collection({ schema: bindingSchema, scopes: () => ["roles"] }),
};

/** By the user's id. `changed` is written whenever the password is another one: it ends the sessions of the old one. */
const verifierSchema = z.looseObject({
  id,
  phc: checked(phcFlaw),
  changed: z.number(),
  mustChange: z.boolean().optional(),
  managedBy,
});

export type VerifierRecord = z.output<typeof verifierSchema>;

export const CREDENTIAL_COLLECTIONS: Collections = {
  verifiers: collection({ schema: verifierSchema, scopes: () => ["verifiers"] }),
};

const sessionSchema = z.strictObject({
  id,
  user: id,
  /** The revisions of the user's `active` and of the verifier's `changed` that it began with: it ends with either. */
  active: z.int(),
  credential: z.int(),
  /** SHA-256 of what the present refresh token holds. */
  refresh: z.string(),
  /** Milliseconds since 1970: the end of the session, and of its present refresh token. */
  ends: z.number(),
  idle: z.number(),
});

export type SessionRecord = z.output<typeof sessionSchema>;

/** What a source of users has ended of late (U5), by its name. */
const sourceSchema = z.strictObject({
  id,
  /** Milliseconds since 1970: when the count began. */
  since: z.number(),
  /** Active users of the source at that time. */
  active: z.int(),
  ended: z.int(),
  held: z.boolean().optional(),
  /** Milliseconds since 1970, up to which nothing is held. */
  confirmed: z.number().optional(),
});

export type SourceRecord = z.output<typeof sourceSchema>;

export const SESSION_COLLECTIONS: Collections = {
  sessions: collection({ schema: sessionSchema }),
  codes: collection({
    schema: z.strictObject({ id, ends: z.number(), spent: z.literal(true).optional() }),
  }),
  keys: collection({ schema: z.strictObject({ id, secret: z.string() }) }),
  tokens: collection({ schema: z.strictObject({ id, name: z.string(), made: z.number() }) }),
  sources: collection({ schema: sourceSchema }),
};

function checked(flawOf: (text: string) => string | null) {
  return z.string().superRefine((value, context) => {
    const flaw = flawOf(value);
    if (flaw !== null) context.addIssue({ code: "custom", message: flaw });
  });
}

function patternFlaw(pattern: string): string | null {
  return pattern.endsWith("*") ? subscribedFlaw(pattern) : scopeFlaw(pattern);
}
