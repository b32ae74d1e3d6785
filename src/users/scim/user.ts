import type { RecordData } from "../../model/record.ts";
import type { Json } from "../../util/json.ts";

/** Attributes whose atom has the same name. */
const SAME = [
  "externalId",
  "displayName",
  "nickName",
  "profileUrl",
  "title",
  "userType",
  "preferredLanguage",
  "locale",
  "emails",
  "phoneNumbers",
  "addresses",
] as const;

/** Parts of `name`, each an atom of its own. `formatted` is put together from them. */
const NAME = ["givenName", "familyName", "middleName", "honorificPrefix", "honorificSuffix"] as const;

/** The attributes of a user, without `id` and `meta`, and with the extension as `enterprise`. */
export type UserAttributes = { [name: string]: unknown };

export function attributesOf(user: RecordData): UserAttributes {
  const found: UserAttributes = { userName: user.userName, active: user.active };
  for (const attribute of SAME) if (user[attribute] !== undefined) found[attribute] = user[attribute];
  if (user.timeZone !== undefined) found.timezone = user.timeZone;
  const parts = NAME.filter((part) => user[part] !== undefined).map((part) => [part, user[part]] as const);
  const formatted = [user.givenName, user.familyName].filter((part) => part !== undefined).join(" ");
  if (parts.length > 0) found.name = { ...(formatted === "" ? {} : { formatted }), ...Object.fromEntries(parts) };
  if (user.enterprise !== undefined) found.enterprise = user.enterprise;
  return found;
}

/** The atoms that attributes stand for; null where an attribute is absent. `active` and `userName` only where they are there. */
export function atomsOf(attributes: UserAttributes): { [atom: string]: Json } {
  const atoms: { [atom: string]: Json } = {};
  for (const attribute of SAME) atoms[attribute] = plain(attributes[attribute]);
  atoms.timeZone = plain(attributes.timezone);
  const name = (attributes.name ?? {}) as { readonly [part: string]: unknown };
  for (const part of NAME) atoms[part] = plain(name[part]);
  atoms.enterprise = plain(attributes.enterprise);
  if (attributes.active !== undefined) atoms.active = plain(attributes.active);
  if (attributes.userName !== undefined) atoms.userName = plain(attributes.userName);
  return atoms;
}

/** As JSON would carry it, without empty lists and objects, which SCIM does not tell from what is absent. */
function plain(value: unknown): Json {
  const json = value === undefined ? null : (JSON.parse(JSON.stringify(value)) as Json);
  const empty = typeof json === "object" && json !== null && Object.keys(json).length === 0;
  return empty ? null : json;
}
